import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { duckScoreFiles } from '../../src/backends/embedded/scores/score-files.ts';
import {
  bool,
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  float,
  int,
  int64,
  lookup,
  nullable,
  streamView,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { readEventFiles } from '../../src/featurestore/ingest/event-files.ts';
import { openSpineFile } from '../../src/featurestore/training-set/spine-file.ts';
import type { RowFormat } from '../../src/files/row-file.ts';
import type { RowInputs } from '../../src/model/row-inputs.ts';
import type { OfflineStore } from '../../src/ports/offline-store.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { inputFiles } from '../../src/serving/batch/input-files.ts';

const FRAMES = new URL('../fixtures/pandas/', import.meta.url).pathname;
const AT = Date.UTC(2026, 2, 1, 10, 20, 30, 456);

const columns = {
  id: text(),
  at: time(),
  flag: bool(),
  maybe: nullable(bool()),
  loose: nullable(bool()),
  due: nullable(time()),
  count: nullable(int64()),
  score: nullable(float()),
  whole: nullable(int()),
  city: nullable(text()),
  level: int(),
  note: nullable(text()),
};
const rows = eventSource('rows', { id: 'id', time: 'at', columns });
const view = streamView('view', {
  source: rows,
  entity: entity('user', { user: text() }),
  key: { user: 'id' },
  freshness: '1s',
  windows: ['ever'],
  features: () => ({ n: count() }),
});
const { at: _, ...request } = columns;
const service = featureService('frame', {
  request,
  join: (r) => ({ view: lookup(view, { user: r.id }) }),
  compute: ({ flag, maybe, loose, due, count: n, score, whole, level }) => ({
    ...{ f_flag: flag, f_maybe: maybe, f_loose: loose, f_due: due, f_count: n, f_score: score, f_whole: whole },
    f_level: level,
  }),
});
const project = defineProject('frames', { rows, service });

let directory: string;
let headrace: Headrace;
let offline: OfflineStore;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'headrace-rows-'));
  headrace = await openHeadrace({ project, environment: { directory }, clock: () => AT + 60_000 });
  ({ offline } = insideOf(headrace).stores);
});
afterAll(async () => {
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

async function query(sql: string): Promise<unknown[][]> {
  const found: unknown[][] = [];
  for await (const batch of offline.query(sql)) found.push(...batch.map((row) => [...row]));
  return found;
}

function write(name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

const frames = readdirSync(FRAMES).filter((name) => !name.endsWith('.py'));
const formatOf = (name: string): RowFormat =>
  name.includes('.csv') ? 'csv' : name.endsWith('.jsonl') ? 'jsonl' : 'parquet';

/** The frame of make.py; an empty text of CSV is none. */
const wanted = (name: string) => {
  const due = Date.UTC(2026, 2, 2);
  const late = Date.UTC(2026, 2, 3, 0, 0, 0, 500);
  const note = name.includes('.csv') ? null : '';
  return [
    ['a', AT, true, true, true, due, 1, 0.5, 1, 'Ulm', 1, 'x'],
    ['b', AT + 1_000, false, null, null, null, null, null, null, 'Köln', 2, null],
    ['c', AT + 2_000, true, false, false, null, 3, 1.5, 3, null, 1, note],
    ['d', AT + 3_000, false, null, null, late, 2n ** 53n + 1n, 2, 4, 'Ulm', 2, 'y'],
  ] as const;
};
const plain = (value: unknown) =>
  typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value;

describe.each(frames)('a data frame as pandas writes it, %s', (name) => {
  test('is read as a spine', async () => {
    const out = join(directory, 'set.parquet');
    await headrace.writeTrainingSet(service, out, { spine: { path: join(FRAMES, name), time: 'at' } });
    const names = ['f_flag', 'f_maybe', 'f_loose', 'f_due', 'f_count', 'f_score', 'f_whole', 'f_level'];
    const found = await query(`SELECT id, ${names.join(', ')} FROM read_parquet('${out}')`);
    const picked = wanted(name).map(([id, , flag, maybe, loose, due, n, score, whole, , level]) => {
      const bit = (value: boolean | null) => (value === null ? null : value);
      return [id, bit(flag), bit(maybe), bit(loose), due, n, score, whole, level];
    });
    expect(found.map((row) => row.map(plain))).toEqual(picked);
  });

  test('is read as events', async () => {
    const found: unknown[][] = [];
    const files = { paths: [join(FRAMES, name)], format: null, columns: {}, byTime: false };
    for await (const events of readEventFiles(offline, headrace.source('rows'), files, 0))
      for (const event of events) found.push(Object.keys(columns).map((column) => plain(event[column] ?? null)));
    expect(found).toEqual(wanted(name));
  });

  test('is read as rows to score', async () => {
    const staged = join(directory, 'staged.parquet');
    await duckScoreFiles.stage(inputFiles([join(FRAMES, name)], formatOf(name)), new Set(), staged);
    const features = ['flag', 'maybe', 'loose', 'score', 'whole', 'level'];
    const inputs: RowInputs = {
      features,
      inputs: [{ name: 'x', type: 'FP32', shape: [features.length], places: features.map((_, place) => place) }],
      isSingle: false,
    };
    const table = await duckScoreFiles.open({ path: staged, features, keep: ['id', 'flag', 'city'] }, inputs);
    try {
      const { rows, unreadable } = await table.read(0, 4);
      expect(unreadable.size).toBe(0);
      const number = (value: boolean | number | null) => (value === null ? Number.NaN : Number(value));
      const picked = wanted(name).flatMap(([, , flag, maybe, loose, , , score, whole, , level]) =>
        [flag, maybe, loose, score, whole, level].map(number),
      );
      expect([...rows.data[0]].map(Number)).toEqual(picked.map(Math.fround));
    } finally {
      table.close();
    }
  });
});

/** Every door of files of rows. */
const DOORS: Readonly<Record<string, (path: string, format: RowFormat) => Promise<unknown>>> = {
  spine: (path, format) =>
    headrace.writeTrainingSet(service, join(directory, 'set.parquet'), { spine: { path, format, time: 'at' } }),
  events: async (path, format) => {
    const files = { paths: [path], format, columns: {}, byTime: false };
    for await (const events of readEventFiles(offline, headrace.source('rows'), files, 0)) void events;
  },
  scores: (path, format) =>
    duckScoreFiles.stage(inputFiles([path], format), new Set(), join(directory, 'staged.parquet')),
};

const REFUSED: readonly (readonly [string, RowFormat, string | Uint8Array, string])[] = [
  ['two spellings of a name in a header', 'csv', 'id,at,Note,note\na,1,x,y\n', 'FILE_NAMES'],
  ['two spellings of a name in a header of tabs', 'tsv', 'id\tat\tId\na\t1\tx\n', 'FILE_NAMES'],
  ['two spellings of a name in one line', 'jsonl', '{"id":"a","at":1,"Note":"x","note":"y"}\n', 'FILE_NAMES'],
  ['two spellings of a name in two lines', 'jsonl', '{"id":"a","Note":"x"}\n{"id":"b","note":"y"}\n', 'FILE_NAMES'],
  ['a name twice in one line', 'jsonl', '{"id":"a","note":"x","note":"y"}\n', 'FILE_NAMES'],
  ['a NUL in a cell', 'csv', 'id,at,note\na,1,x\0y\n', 'FILE_TEXT'],
  ['a NUL in quotes', 'csv', 'id,at,note\na,1,"\0"\n', 'FILE_TEXT'],
  ['UTF-16', 'csv', Buffer.from('\ufeffid,at\na,1\n', 'utf16le'), 'FILE_TEXT'],
  ['a NUL between tabs', 'tsv', 'id\tat\na\t\0\n', 'FILE_TEXT'],
];

describe.each(Object.entries(DOORS))('files of rows as %s', (_, door) => {
  test.each(REFUSED)('with %s are refused', async (_what, format, content, code) => {
    await expect(door(write(`refused.${format}`, content), format)).rejects.toMatchObject({ code });
  });
});

test('a spine of text with more columns than a service can read is refused before a reader makes them', async () => {
  for (const [format, delimiter] of [
    ['csv', ','],
    ['csv', ';'],
    ['tsv', '\t'],
  ] as const) {
    const names = (count: number) => Array.from({ length: count }, (_, i) => `c${i}`).join(delimiter);
    const open = (count: number) =>
      openSpineFile(offline, write(`wide.${format}`, `${names(count)}\n`), format, new Set());
    expect((await open(1_024)).columns).toHaveLength(1_024);
    await expect(open(1_025)).rejects.toMatchObject({ code: 'FILE_WIDE' });
  }
});

/** Whole numbers around the ends of the types that hold them. */
const WHOLE = [
  ['1', '2', 2n],
  ['9007199254740993', '1', 1n],
  ['18446744073709551615', '1', 1n],
  ['18446744073709551616', '0.5', '0.5'],
  ['18446744073709551617', '1', 1n],
  ['-18446744073709551617', '3', 3n],
  ['18446744073709551617', '0.5', '0.5'],
  ['1234567890123456789012345678901234567', '7', 7n],
  ['123456789012345678901234567890123456789012', '7', '7'],
  ['100000000000000000000', '0.25', '0.25'],
] as const;

test.each(WHOLE)('the whole number %s of JSON lines next to %s keeps every digit', async (long, other) => {
  const lines = `{"id":"a","at":${AT},"n":${long}}\n{"id":"b","at":${AT},"n":${other}}\n{"id":"c","at":${AT},"n":null}\n`;
  const path = write('long.jsonl', lines);
  const staged = join(directory, 'long.parquet');
  await duckScoreFiles.stage(inputFiles([path], 'jsonl'), new Set(), staged);
  const [[first], [second], [third]] = await query(`SELECT CAST(n AS VARCHAR) FROM read_parquet('${staged}')`);
  const exact = (found: unknown) =>
    BigInt(Number(found).toString() === found || /e|\./.test(String(found)) ? Number(found) : String(found));
  expect(exact(first)).toBe(BigInt(long));
  expect([Number(second), third]).toEqual([Number(other), null]);
});

test.each([
  ['1234567890123456789', 'BIGINT'],
  ['12345678901234567890', 'VARCHAR'],
  ['1234567890123456.5', 'VARCHAR'],
  ['123456789012345', 'BIGINT'],
  ['1.5', 'DOUBLE'],
  ['True', 'BOOLEAN'],
  ['FALSE', 'BOOLEAN'],
  ['007', 'VARCHAR'],
])('a further column of a CSV spine with %s is %s', async (cell, type) => {
  const header = Object.keys(columns).join(',');
  const path = write('own.csv', `${header},own\na,${AT},true,,,,,,,,1,,${cell}\n`);
  const out = join(directory, 'set.parquet');
  await headrace.writeTrainingSet(service, out, { spine: { path, time: 'at' } });
  const [[found, value]] = await query(`SELECT typeof(own), CAST(own AS VARCHAR) FROM read_parquet('${out}')`);
  expect([found, String(value).toLowerCase()]).toEqual([
    type === 'BIGINT' && cell.length > 18 ? 'VARCHAR' : type,
    cell.toLowerCase(),
  ]);
});

test('a header without a comma is separated by its semicolons, one with both by its commas', async () => {
  for (const [content, names] of [
    ['id;at;note\na;1;1,5\nb;2;"x;y,z"\n', ['id', 'at', 'note']],
    ['"a,b";at\n1;2\n', ['a,b', 'at']],
    ['"id;x",at\na,1\n', ['id;x', 'at']],
    ['id,at;x\na,1\n', ['id', 'at;x']],
    ['only\n1\n', ['only']],
  ] as const) {
    const path = write('semicolons.csv', content);
    expect((await duckScoreFiles.describe(path, 'csv')).columns).toEqual(names);
  }
});
