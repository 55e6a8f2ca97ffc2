import { existsSync, mkdirSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { openEmptyHistory } from '../../src/backends/embedded/offline/empty-history.ts';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import { readNumbers } from '../../src/backends/embedded/parquet/read-numbers.ts';
import { streamChunks } from '../../src/backends/embedded/parquet/stream-chunks.ts';
import { resolveEnvironment } from '../../src/environment/config.ts';
import {
  approxDistinct,
  batchView,
  bool,
  count as counted,
  decimal,
  defineProject,
  distinct,
  entity,
  eventSource,
  featureService,
  int64,
  last,
  lookup,
  max,
  mean,
  min,
  model,
  quantile,
  stddevPop,
  streamView,
  sum,
  text,
  time,
  variancePop,
} from '../../src/features/define/declare.ts';
import { readBatch } from '../../src/featurestore/batch/read-batch.ts';
import type { OfflineStore, OfflineValue } from '../../src/ports/offline-store.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { openHistory } from '../../src/site/open-history.ts';
import { isDeep, runs } from '../runs.ts';

/** Rows of a chunk, and more chunks than DuckDB makes before it gives the first: an error within those comes at once. */
const CHUNK = 2_048;
const CHUNKS = 64;
const ROWS = CHUNK * CHUNKS;

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'whole-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function open(path: string, memoryLimitBytes = 2 ** 28): Promise<OfflineStore> {
  const store = await openOfflineStore({ path, access: 'write', clock: Date.now, memoryLimitBytes });
  onTestFinished(() => store.close());
  return store;
}

/** What a reader gave: its rows, or the code of its error. */
type Outcome = number | string;

async function outcomeOf(read: () => Promise<number>): Promise<Outcome> {
  return read().catch((error: unknown) => {
    if (error instanceof Error && 'code' in error) return String(error.code);
    throw error;
  });
}

async function count(batches: AsyncIterable<readonly (readonly OfflineValue[])[]>): Promise<number> {
  let rows = 0;
  for await (const batch of batches) rows += batch.length;
  return rows;
}

/** A text that makes rows wide. */
const WIDE_ROWS = 24_000;
const WIDE = `repeat('x', 900) || i`;

/** The ways in which a value of row `at` fails as it is computed. */
const faults: Readonly<Record<string, (at: number) => string>> = {
  cast: (at) => `CAST(CASE WHEN i = ${at} THEN 'not a number' || i ELSE CAST(i AS VARCHAR) END AS BIGINT)`,
  range: (at) => `CAST(sqrt(CASE WHEN i = ${at} THEN -1 ELSE i END) AS BIGINT)`,
  overflow: (at) => `CAST(CASE WHEN i = ${at} THEN 9223372036854775807 ELSE 0 END + i + 1 AS BIGINT)`,
  raised: (at) => `CASE WHEN i = ${at} THEN error('raised') ELSE i END`,
  text: (at) => `CAST(length(chr(CASE WHEN i = ${at} THEN -1 ELSE 65 END)) AS BIGINT)`,
};

const clicks = eventSource('clicks', {
  id: 'click',
  time: 'at',
  lateness: '1h',
  columns: { click: text(), at: time(), user: text() },
});
const user = entity('user', { user: text() });
const failing = (value: string) =>
  batchView('failing', {
    entity: user,
    schedule: '0 3 * * *',
    freshness: '26h',
    reads: { clicks },
    features: { value: int64() },
    sql: () => ({
      kind: 'sql',
      text: `SELECT CAST(i AS VARCHAR) AS "user", ${value} AS value FROM range(${ROWS}) t(i)`,
    }),
  });

/** Every reader of a query's rows; each gives their number. */
const readers: Readonly<Record<string, (store: OfflineStore, value: string) => Promise<number>>> = {
  query: (store, value) => count(store.query(`SELECT ${value} AS v, i FROM range(${ROWS}) t(i)`)),
  'ordered query': (store, value) =>
    count(store.query(`SELECT ${value} AS v, i FROM range(${ROWS}) t(i) ORDER BY i DESC`)),
  export: (store, value) => {
    const path = join(directory(), 'rows.parquet');
    return store.exportParquet(`SELECT ${value} AS v, i FROM range(${ROWS}) t(i)`, path).catch((error) => {
      expect(existsSync(path), 'a file of a failed export').toBe(false);
      throw error;
    });
  },
  'empty history': async (_, value) => {
    const history = await openEmptyHistory();
    return count(history.query(`SELECT ${value} AS v, i FROM range(${ROWS}) t(i)`)).finally(() => history.close());
  },
  'batch view': async (store, value) =>
    (await readBatch(failing(value), store, 0, join(directory(), 'run.parquet'))).rows,
};

test.each(Object.keys(readers))('an error in any row of what %s reads is an error, never fewer rows', async (name) => {
  const store = await open(directory());
  const read = readers[name];
  expect(await read(store, 'i')).toBe(ROWS);
  const kinds = fc.constantFrom(...Object.keys(faults));
  const chunk = fc.oneof(fc.integer({ min: 0, max: CHUNKS }), fc.integer({ min: 45, max: CHUNKS }));
  const offset = fc.constantFrom(-1, 0, 1, 1_000);
  await fc.assert(
    fc.asyncProperty(kinds, chunk, offset, async (kind, boundary, beside) => {
      const at = Math.min(ROWS - 1, Math.max(0, boundary * CHUNK + beside));
      const outcome = await outcomeOf(() => read(store, faults[kind](at)));
      expect(outcome).toBe(name === 'batch view' ? 'BATCH_SQL' : 'OFFLINE_QUERY');
    }),
    { numRuns: Number(process.env['HEADRACE_WHOLE_RUNS'] ?? runs(2, 40)), examples: [['raised', CHUNKS, -1]] },
  );
});

test('a query that fails after its first rows says why', async () => {
  const store = await open(directory());
  const late = `SELECT ${faults['cast'](ROWS - 1)} AS v FROM range(${ROWS}) t(i)`;
  await expect(count(store.query(late))).rejects.toThrow(/not a number/);
});

test('a query that is interrupted after any chunk ends in an error, or has all its rows', async () => {
  const instance = await DuckDBInstance.create(':memory:');
  onTestFinished(() => instance.closeSync());
  const found = new Set<Outcome>();
  for (const after of [1, 2, 3, 20, 42, 43, 63, 64]) {
    const connection = await instance.connect();
    let rows = 0;
    const read = async () => {
      for await (const chunk of streamChunks(connection, `SELECT i FROM range(${ROWS}) t(i)`)) {
        rows += chunk.rowCount;
        if (rows === after * CHUNK) connection.interrupt();
      }
      return rows;
    };
    const outcome = await outcomeOf(read);
    expect(outcome === 'OFFLINE_CUT' || outcome === ROWS, `${outcome} after ${after} chunks`).toBe(true);
    found.add(outcome);
    connection.closeSync();
  }
  expect(found).toContain('OFFLINE_CUT');
});

test('a query under any memory limit ends in an error, or has all its rows', async () => {
  const sorted = `SELECT i, ${WIDE} AS w FROM range(${WIDE_ROWS}) t(i) ORDER BY hash(i)`;
  const found = new Set<Outcome>();
  for (const limit of [4, 12, 24, 64, ...(isDeep ? [8, 16, 32] : [])]) {
    const store = await open(directory(), limit * 2 ** 20);
    const outcome = await outcomeOf(() => count(store.query(sorted)));
    expect(outcome === 'OFFLINE_MEMORY' || outcome === WIDE_ROWS, `${outcome} in ${limit} MiB`).toBe(true);
    found.add(outcome);
  }
  expect(found).toEqual(new Set([WIDE_ROWS, 'OFFLINE_MEMORY']));
});

test('the memory of the history is that of the configuration, for the process that writes and for one that reads', async () => {
  const clickers = streamView('clickers', {
    source: clicks,
    entity: user,
    key: { user: 'user' },
    windows: ['1h'],
    freshness: '1s',
    features: () => ({ n: counted() }),
  });
  const service = featureService('clicked', {
    request: { user: text() },
    join: (r) => ({ clicks: lookup(clickers, { user: r.user }) }),
  });
  // The values of a list are in memory; everything else could go to the disk.
  const list = `SELECT length(list(i)) FROM range(9000000) t(i)`;
  for (const [memory, wanted] of [
    [64_000_000, 'OFFLINE_MEMORY'],
    [2 ** 30, 1],
  ] as const) {
    const options = { directory: directory(), offline: { memory } };
    const headrace = await openHeadrace({ project: defineProject('site', { service }), environment: options });
    const history = await openHistory(resolveEnvironment('local', options, 'site'), 'read');
    for (const store of [insideOf(headrace).stores.offline, history])
      expect(await outcomeOf(() => count(store.query(list)))).toBe(wanted);
    await history.close();
    await headrace.close();
  }
  expect(() => resolveEnvironment('local', { directory: '/d', offline: { memory: 1_000 } }, 'site')).toThrow(/memory/);
});

const pays = eventSource('pays', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), user: text(), amount: decimal(2), bad: bool() },
});
const wide = streamView('wide', {
  source: pays,
  entity: user,
  key: { user: 'user' },
  windows: ['1h', '1d', '7d', '30d', '90d'],
  freshness: '1s',
  features: (row) => ({
    n: counted(),
    total: sum(row.amount),
    mean: mean(row.amount),
    least: min(row.amount),
    most: max(row.amount),
    deviation: stddevPop(row.amount),
    variance: variancePop(row.amount),
    amounts: distinct(row.amount),
    about: approxDistinct(row.amount),
    half: quantile(row.amount, 0.5),
    newest: last(row.amount),
  }),
});
const payer = featureService('payer', {
  request: { user: text() },
  join: (r) => ({ wide: lookup(wide, { user: r.user }) }),
});
const defaults = model('defaults', {
  task: 'binary',
  service: payer,
  spine: { from: pays, id: 'id' },
  label: { from: pays, id: 'id', value: (row) => row.bad, within: '1h' },
  train: { with: { kind: 'logistic' } },
});

test('a training set of a wide view under any memory limit ends in an error, or has all its rows', async () => {
  const folder = directory();
  const state = { now: Date.UTC(2026, 0, 1) };
  const rows = Array.from({ length: 75 }, (_, i) => i);
  const found: Outcome[] = [];
  for (const memory of [64, 128, 512].map((mebibytes) => mebibytes * 2 ** 20)) {
    const headrace = await openHeadrace({
      project: defineProject('site', { payer, defaults }),
      environment: { directory: folder, offline: { memory } },
      clock: () => state.now,
    });
    for (const i of found.length === 0 ? rows : []) {
      state.now += 3_600_000;
      const event = { id: `p${i}`, at: state.now, user: `u${i % 7}`, amount: `${i}.25`, bad: i % 3 === 0 };
      await headrace.ingest(pays, [event]);
    }
    if (found.length === 0) state.now += 86_400_000;
    const path = join(folder, 'out.parquet');
    found.push(await outcomeOf(async () => (await headrace.writeTrainingSet(defaults, path)).rows));
    await headrace.close();
  }
  const wrong = found.filter((outcome) => outcome !== 75 && outcome !== 'OFFLINE_MEMORY');
  expect(wrong).toEqual([]);
  expect(found.at(-1)).toBe(75);
}, 120_000);

test('a store that is closed while a query runs gives an error, or all its rows', async () => {
  for (const after of [1, 3, 6]) {
    const store = await open(directory(), 512 * 2 ** 20);
    const read = async () => {
      let rows = 0;
      let batches = 0;
      for await (const batch of store.query(`SELECT i, ${WIDE} AS w FROM range(${WIDE_ROWS}) t(i) ORDER BY hash(i)`)) {
        rows += batch.length;
        batches += 1;
        if (batches === after) await store.close();
      }
      return rows;
    };
    const outcome = await outcomeOf(read);
    expect(['OFFLINE_CLOSED', WIDE_ROWS], `after ${after} batches`).toContain(outcome);
  }
});

test('a Parquet file that is damaged at any place gives as many numbers as it had, or an error', async () => {
  const store = await open(directory());
  const folder = directory();
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'numbers.parquet');
  const write = () => store.exportParquet(`SELECT CAST(hash(i) AS DOUBLE) AS a FROM range(300000) t(i)`, path);
  await write();
  const { size } = statSync(path);
  expect((await readNumbers(path, { singles: ['a'], doubles: [] })).singles[0].length).toBe(300_000);
  for (let part = 1; part < 8; part += runs(2, 1)) {
    await write();
    const file = openSync(path, 'r+');
    writeSync(file, Buffer.alloc(4_000, 0x5a), 0, 4_000, Math.floor((size * part) / 8));
    const outcome = await outcomeOf(
      async () => (await readNumbers(path, { singles: ['a'], doubles: [] })).singles[0].length,
    );
    expect(outcome === 'TRAINING_DATA' || outcome === 300_000, `${outcome}`).toBe(true);
  }
});
