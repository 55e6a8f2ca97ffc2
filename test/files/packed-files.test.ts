import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { duckScoreFiles } from '../../src/backends/embedded/scores/score-files.ts';
import { openTableFile } from '../../src/backends/embedded/table/open-table-file.ts';
import { readPrices } from '../../src/cost/catalog/read-prices.ts';
import { readSpotTrace } from '../../src/cost/spot/trace/read-spot-trace.ts';
import { openSpineFile, type SpineFormat } from '../../src/featurestore/training-set/spine-file.ts';
import { packingOf, unpacked, wholeFile } from '../../src/files/packed-file.ts';
import { readSource } from '../../src/gpu/readers/read-source.ts';
import type { OfflineStore } from '../../src/ports/offline-store.ts';
import { inputFiles } from '../../src/serving/batch/input-files.ts';
import { runs } from '../runs.ts';

let folder: string;
let close: () => void;
let query: OfflineStore['query'];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'headrace-packed-'));
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  query = async function* (sql) {
    yield (await connection.runAndReadAll(sql)).getRows() as never;
  };
  close = () => {
    connection.closeSync();
    instance.closeSync();
  };
});
afterAll(() => {
  close();
  rmSync(folder, { recursive: true, force: true });
});

/** Rows that pack badly, so that damage falls on data. */
const ROWS = Array.from({ length: 400 }, (_, i) => ({ id: i, name: `u${(i * 7919) % 997}`, value: Math.sin(i) }));
const CSV = ['id,name,value', ...ROWS.map(({ id, name, value }) => `${id},${name},${value}`), ''].join('\n');
const LINES = ROWS.map((row) => `${JSON.stringify(row)}\n`).join('');
const SPOT = ROWS.map(({ id }) => `${id * 60},${(id * 7) % 5}`).join('\n');
const TRACE = `{"traceEvents": [${ROWS.map(({ id, name }) => `{"ph":"X","cat":"kernel","name":"${name}","pid":0,"tid":7,"ts":${id},"dur":1}`).join(',')}]}`;
const PRICES = [
  'provider,region,instanceType,accelerator,count,onDemandPerHour',
  ...ROWS.map(({ id }) => `own,r${id % 7},type-${(id * 7919) % 9973},H100,8,${(id + 1) / 7}`),
].join('\n');

const checked = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };
const PACKED = {
  gz: (text: string) => gzipSync(text),
  'two.gz': (text: string) =>
    Buffer.concat([gzipSync(text.slice(0, text.length >> 1)), gzipSync(text.slice(text.length >> 1))]),
  zst: (text: string) => zstdCompressSync(text, checked),
  'two.zst': (text: string) =>
    Buffer.concat([
      zstdCompressSync(text.slice(0, text.length >> 1), checked),
      zstdCompressSync(text.slice(text.length >> 1), checked),
    ]),
} as const;

type Packed = keyof typeof PACKED;

interface Door {
  readonly text: string;
  /** The ending of the name that the door knows. */
  readonly ending: string;
  /** Everything that the door reads of a file, as one text. */
  readonly read: (path: string) => Promise<string>;
}

async function rowsOf(sql: string): Promise<string> {
  const found: unknown[] = [];
  for await (const rows of query(sql)) found.push(...rows);
  return found.map((row) => String(row)).join('\n');
}

const spine = (format: SpineFormat) => async (path: string) => {
  const { relation } = await openSpineFile({ query }, path, format, new Set(['id']));
  return rowsOf(`SELECT * FROM ${relation}`);
};

const job = (format: 'csv' | 'jsonl') => async (path: string) => {
  const to = join(folder, 'staged.parquet');
  await duckScoreFiles.stage(inputFiles([path], format), new Set(), to);
  return rowsOf(`SELECT * FROM read_parquet('${to}')`);
};

const DOORS: Readonly<Record<string, Door>> = {
  'a spine or events in CSV': { text: CSV, ending: 'csv', read: spine('csv') },
  'a spine or events in JSON lines': { text: LINES, ending: 'jsonl', read: spine('jsonl') },
  'a job over CSV': { text: CSV, ending: 'csv', read: job('csv') },
  'a job over JSON lines': { text: LINES, ending: 'jsonl', read: job('jsonl') },
  'a table of drift': {
    text: CSV,
    ending: 'csv',
    read: async (path) => {
      const table = await openTableFile(path);
      try {
        return `${await table.column('id')}|${await table.column('name')}`;
      } finally {
        await table.close();
      }
    },
  },
  'a GPU trace': { text: TRACE, ending: 'json', read: async (path) => gpuText(path) },
  'a spot trace': {
    text: SPOT,
    ending: 'txt',
    read: async (path) => String((await readSpotTrace(path, { timeUnit: 's' })).counts),
  },
  'a file of prices': {
    text: PRICES,
    ending: 'csv',
    read: async (path) => JSON.stringify((await readPrices(path)).offers),
  },
  'the bytes themselves': { text: CSV, ending: 'csv', read: async (path) => String(await wholeFile(path, 2 ** 20)) },
};

async function gpuText(path: string): Promise<string> {
  const source = await readSource(path);
  if (source.kind !== 'trace') throw new Error('no trace');
  return `${source.trace.gpu.length} ${source.trace.faults.length}`;
}

/** What came out: the whole answer, a coded error, or anything else. */
async function outcome(door: Door, path: string, whole: string): Promise<string> {
  try {
    return (await door.read(path)) === whole ? 'whole' : 'another answer';
  } catch (error) {
    return error instanceof Error && 'code' in error && /^[A-Z]+_[A-Z_]+$/.test(String(error.code))
      ? 'coded'
      : String(error);
  }
}

/** Every fourth damaged copy is tried in the gate; each door and packing begins with another one. */
const EACH = runs(4, 1);
let first = 0;

/** Some of the copies. */
function* someOf<T>(copies: Iterable<T>): Generator<T> {
  let at = first++;
  for (const copy of copies) if (at++ % EACH === 0) yield copy;
}

/** Damaged copies of a file: cuts, flipped bits, bytes after its end. */
function* damaged(bytes: Buffer, places: number): Generator<readonly [string, Buffer]> {
  const step = Math.max(1, Math.floor(bytes.length / places));
  const cuts = new Set([
    ...range(bytes.length, step),
    1,
    2,
    9,
    17,
    bytes.length - 9,
    bytes.length - 4,
    bytes.length - 1,
  ]);
  for (const cut of cuts) yield [`cut at ${cut}`, bytes.subarray(0, cut)];
  for (const at of new Set([...range(bytes.length, step), 0, 1, 2, 3, bytes.length - 1, bytes.length - 5])) {
    const copy = Buffer.from(bytes);
    copy[at] ^= 1 << (at % 8);
    yield [`bit ${at % 8} of byte ${at}`, copy];
  }
  yield ['garbage after its end', Buffer.concat([bytes, Buffer.from('garbage')])];
  yield ['half a header after its end', Buffer.concat([bytes, bytes.subarray(0, 1)])];
}

function range(end: number, step: number): number[] {
  return Array.from({ length: Math.ceil(end / step) }, (_, i) => i * step);
}

describe.each(Object.entries(DOORS))('%s', (_, door) => {
  test.each(Object.keys(PACKED) as Packed[])(
    'of a packed file (%s) that is not whole is an error, or the whole answer',
    async (packed) => {
      const bytes = PACKED[packed](door.text);
      const plain = join(folder, `plain.${door.ending}`);
      writeFileSync(plain, door.text);
      const whole = await door.read(plain);
      const path = join(folder, `file.${door.ending}.${packed.endsWith('gz') ? 'gz' : 'zst'}`);
      // A table of drift names its own endings.
      if (door.ending === 'csv' && packed.endsWith('zst') && door.read === DOORS['a table of drift'].read) return;
      writeFileSync(path, bytes);
      expect(await outcome(door, path, whole), 'whole').toBe('whole');
      for (const [what, copy] of someOf(damaged(bytes, 3))) {
        writeFileSync(path, copy);
        expect(await outcome(door, path, whole), what).toMatch(/^(whole|coded)$/);
      }
    },
  );
});

test.each(Object.keys(PACKED) as Packed[])(
  'every cut of a packed file (%s) is FILE_DAMAGED, wherever its pieces end',
  async (packed) => {
    const text = ROWS.slice(0, 60)
      .map(({ value }) => String(value))
      .join();
    const bytes = PACKED[packed](text);
    const first = PACKED[packed === 'two.gz' ? 'gz' : 'zst'](text.slice(0, text.length >> 1)).length;
    const path = join(folder, 'cut');
    for (let cut = 1; cut < bytes.length; cut += 1) {
      // At the end of a member the file is a whole one of fewer members: the format does not say how many come.
      if (packed.startsWith('two') && cut === first) continue;
      writeFileSync(path, bytes.subarray(0, cut));
      const packing = await packingOf(path);
      if (packing === 'none') continue;
      const read = async () => {
        for await (const chunk of unpacked(path, packing, { chunkBytes: 64, aheadBytes: 64 })) void chunk;
      };
      await expect(read(), `${cut}`).rejects.toMatchObject({ code: 'FILE_DAMAGED' });
    }
    writeFileSync(path, Buffer.concat([bytes, Buffer.alloc(600)]));
    expect(String(await wholeFile(path, 2 ** 20))).toBe(text);
  },
);

test('a name that says another packing is refused', async () => {
  const path = join(folder, 'plain.csv.gz');
  writeFileSync(path, CSV);
  await expect(packingOf(path)).rejects.toMatchObject({ code: 'FILE_DAMAGED' });
});

test('a Parquet file with a flipped bit or cut anywhere never has fewer rows', async () => {
  const whole = join(folder, 'whole.parquet');
  await rowsOf(
    `COPY (SELECT i AS id, SIN(i) AS value FROM RANGE(3000) AS t(i)) TO '${whole}' (FORMAT parquet, ROW_GROUP_SIZE 1024)`,
  );
  const bytes = await wholeFile(whole, 2 ** 24);
  const path = join(folder, 'cut.parquet');
  for (const [what, copy] of damaged(bytes, runs(15, 60))) {
    writeFileSync(path, copy);
    const read = async () => (await spine('parquet')(path)).split('\n').length;
    expect(await read().catch((error: unknown) => (error instanceof Error ? 3000 : 0)), what).toBe(3000);
  }
});
