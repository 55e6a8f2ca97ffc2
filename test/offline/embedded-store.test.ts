import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { type OfflineStoreOptions, openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import type {
  OfflineChange,
  OfflineStore,
  OfflineTable,
  OfflineType,
  OfflineValue,
} from '../../src/ports/offline-store.ts';
import { runs } from '../runs.ts';
import { until } from '../until.ts';

const numbers: OfflineTable = { name: 'numbers@1', columns: { n: 'BIGINT' } };

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'offline-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function open(path: string, options: Partial<OfflineStoreOptions> = {}): Promise<OfflineStore> {
  const store = await openOfflineStore({ path, access: 'write', clock: Date.now, ...options });
  onTestFinished(() => store.close());
  return store;
}

function append(table: OfflineTable, ...rows: readonly (readonly OfflineValue[])[]): OfflineChange {
  const columns = Object.keys(table.columns).map((_, c) => rows.map((row) => row[c] ?? null));
  return { writer: 'w', position: {}, mode: 'append', tables: [{ table, rows: rows.length, columns }] };
}

async function all(batches: AsyncIterable<readonly (readonly OfflineValue[])[]>): Promise<(readonly OfflineValue[])[]> {
  const rows: (readonly OfflineValue[])[] = [];
  for await (const batch of batches) rows.push(...batch);
  return rows;
}

const text = fc.string({ unit: 'binary', maxLength: 30 });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const values: Readonly<Record<OfflineType, fc.Arbitrary<OfflineValue>>> = {
  BIGINT: int64,
  DOUBLE: fc.double(),
  BOOLEAN: fc.boolean(),
  STRING: text,
  DECIMAL: fc.bigInt({ min: 1n - 10n ** 38n, max: 10n ** 38n - 1n }),
  BLOB: fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
  'LIST<BIGINT>': fc.array(int64, { maxLength: 4 }),
  'LIST<DOUBLE>': fc.array(fc.double(), { maxLength: 4 }),
  'LIST<STRING>': fc.array(text, { maxLength: 4 }),
  'LIST<BOOLEAN>': fc.array(fc.boolean(), { maxLength: 4 }),
};
const types = Object.keys(values) as OfflineType[];
const everyType: OfflineTable = {
  name: 'every@1',
  columns: Object.fromEntries(types.map((type, i) => [`c${i}`, type])),
};

test('any rows of every type come back equal and in order, merged or not', async () => {
  const store = await open(directory());
  const row = fc.tuple(...types.map((type) => fc.option(values[type], { freq: 5 })));
  await fc.assert(
    fc.asyncProperty(fc.array(row, { maxLength: 8 }), fc.array(row, { maxLength: 8 }), async (first, second) => {
      await store.publish({ ...append(everyType, ...first), mode: 'replace' });
      await store.publish(append(everyType, ...second));
      const sql = `SELECT * FROM ${store.relation(everyType)}`;
      expect(await all(store.query(sql))).toEqual([...first, ...second]);
      await store.compact(everyType.name);
      expect(await all(store.query(`SELECT * FROM ${store.relation(everyType)}`))).toEqual([...first, ...second]);
    }),
    { numRuns: runs(6, 100) },
  );
});

const texts: OfflineTable = { name: 'texts@1', columns: { t: 'STRING', n: 'BIGINT' } };

test('texts that occur again and again come back as they are, whatever is in them', async () => {
  const store = await open(directory());
  const few = ['', "it's", 'ATL', '名前🙂', '"', "'); DROP TABLE x; --", '\\', null];
  const columns = (of: readonly (string | null)[], rows: number) => [
    Array.from({ length: rows }, (_, i) => of[(i * 7) % of.length]),
    Array.from({ length: rows }, (_, i) => i),
  ];
  for (const words of [few, [...few, 'a\0b', 'a'], [null]]) {
    const wanted = columns(words, 5_000);
    const change = {
      writer: 'w',
      position: {},
      mode: 'replace',
      tables: [{ table: texts, rows: 5_000, columns: wanted }],
    };
    await store.publish(change as OfflineChange);
    const rows = await all(store.query(`SELECT t, CAST(n AS INTEGER) FROM ${store.relation(texts)}`));
    expect(rows).toEqual(wanted[0].map((value, i) => [value, i]));
  }
  const [first, next] = [columns(few, 3_000), columns(['other', 'texts', null], 3_000)];
  const path = join(directory(), 'texts.parquet');
  async function* batches() {
    yield { rows: 3_000, columns: first };
    yield { rows: 3_000, columns: next };
  }
  await store.exportRows(texts, batches(), path);
  const rows = await all(store.query(`SELECT t FROM '${path}'`));
  expect(rows).toEqual([...first[0], ...next[0]].map((value) => [value]));
  const wrong = {
    table: texts,
    rows: 9,
    columns: [[...Array.from({ length: 8 }, () => 'a'), '\ud800'], new Array(9).fill(1)],
  };
  await expect(store.publish({ writer: 'w', position: {}, mode: 'append', tables: [wrong] })).rejects.toMatchObject({
    code: 'OFFLINE_VALUE',
  });
});

test('rows that are more than the memory wait for their file on the disk', async () => {
  const store = await open(directory(), { memoryLimitBytes: 64 * 2 ** 20, threads: 1 });
  const names = Array.from({ length: 20 }, (_, i) => `c${i}`);
  const table: OfflineTable = { name: 'wide@1', columns: Object.fromEntries(names.map((name) => [name, 'DOUBLE'])) };
  const path = join(directory(), 'wide.parquet');
  const values = Float64Array.from({ length: 40_000 }, Math.random);
  async function* batches() {
    for (let i = 0; i < 15; i += 1) yield { rows: values.length, columns: names.map(() => values) };
  }
  expect(await store.exportRows(table, batches(), path)).toBe(15 * values.length);
  const [[different]] = await all(store.query(`SELECT CAST(COUNT(DISTINCT c19) AS INTEGER) FROM '${path}'`));
  expect(different).toBe(new Set(values).size);
});

test('files have the types that every engine reads, and say their format and table', async () => {
  const store = await open(directory());
  await store.publish(
    append(
      everyType,
      types.map(() => null),
    ),
  );
  const [file = ''] = store.tables()[0]?.files ?? [];
  const schema = await all(
    store.query(`SELECT type, converted_type FROM parquet_schema('${file}') WHERE type IS NOT NULL`),
  );
  expect(schema).toEqual([
    ['INT64', 'INT_64'],
    ['DOUBLE', null],
    ['BOOLEAN', null],
    ['BYTE_ARRAY', 'UTF8'],
    ['FIXED_LEN_BYTE_ARRAY', 'DECIMAL'],
    ['BYTE_ARRAY', null],
    ['INT64', 'INT_64'],
    ['DOUBLE', null],
    ['BYTE_ARRAY', 'UTF8'],
    ['BOOLEAN', null],
  ]);
  const meta = await all(store.query(`SELECT DECODE(key), DECODE(value) FROM parquet_kv_metadata('${file}')`));
  expect(meta).toEqual([
    ['headrace_format', '3'],
    ['headrace_table', 'every@1'],
  ]);
});

test('changes that are published at once are taken one after the other', async () => {
  const store = await open(directory());
  const changes = Array.from({ length: 20 }, (_, n) => store.publish(append(numbers, [n])));
  await Promise.all(changes);
  const rows = await all(store.query(`SELECT n FROM ${store.relation(numbers)}`));
  expect(rows.map(([n]) => Number(n))).toEqual(Array.from({ length: 20 }, (_, n) => n));
});

test('a table that is published to in small pieces stays a few files', async () => {
  const store = await open(directory(), { compactAtFiles: 8 });
  for (let n = 0; n < 40; n += 1) {
    await store.publish(append(numbers, [n]));
    // A merge continues behind the publish that found it due.
    if (n % 7 === 0) await until(() => (store.tables()[0]?.files.length ?? 8) < 8);
  }
  const [row] = await all(store.query(`SELECT COUNT(*), COUNT(DISTINCT n) FROM ${store.relation(numbers)}`));
  expect(row).toEqual([40n, 40n]);
});

test('a reader that refreshes next to a busy writer always sees whole changes, merged or not', async () => {
  const path = directory();
  const writer = await open(path, { compactAtFiles: 3 });
  await writer.publish({ ...append(numbers, [1]), position: { topic: [1] } });
  const reader = await open(path, { access: 'read' });
  const seen = new Set<number>();
  // Until the reader has seen many of its changes come about.
  const writing = (async () => {
    for (let n = 2; seen.size < 10; n += 1) await writer.publish({ ...append(numbers, [n]), position: { topic: [n] } });
  })();
  let last = 0;
  while (seen.size < 10) {
    await reader.refresh();
    const position = Number((await reader.position('w'))?.['topic']?.[0]);
    const [row] = await all(reader.query(`SELECT COUNT(*), SUM(n) FROM ${reader.relation(numbers)}`));
    expect(row).toEqual([BigInt(position), BigInt((position * (position + 1)) / 2)]);
    expect(position).toBeGreaterThanOrEqual(last);
    last = position;
    seen.add(position);
  }
  await writing;
});

test('files of a change that was not published are removed when the store is opened for writing, not by readers', async () => {
  const path = directory();
  const store = await openOfflineStore({ path, access: 'write', clock: Date.now });
  await store.publish(append(numbers, [1]));
  await store.close();
  const stray = join(path, 'tables', numbers.name, '2-0.parquet');
  writeFileSync(stray, 'half a file');
  writeFileSync(join(path, 'manifest.2.json.tmp'), '{');
  mkdirSync(join(path, 'scratch', '999999999-0'));
  await open(path, { access: 'read' });
  expect(existsSync(stray)).toBe(true);
  const again = await open(path);
  expect(new Set(readdirSync(path, { recursive: true, encoding: 'utf8' }))).toEqual(
    new Set(['lock', 'manifest.1.json', 'scratch', 'tables', 'tables/numbers@1', 'tables/numbers@1/1-0.parquet']),
  );
  expect(await all(again.query(`SELECT n FROM ${again.relation(numbers)}`))).toEqual([[1n]]);
});

test('a full disk is an error that names it, and the store continues as before', async () => {
  const path = directory();
  const store = await open(path);
  await store.publish(append(numbers, [1]));
  symlinkSync('/dev/full', join(path, 'tables', numbers.name, '2-0.parquet'));
  await expect(store.publish(append(numbers, [2]))).rejects.toMatchObject({ code: 'OFFLINE_FULL' });
  expect(await all(store.query(`SELECT n FROM ${store.relation(numbers)}`))).toEqual([[1n]]);
  await store.publish(append(numbers, [3]));
  expect(await all(store.query(`SELECT n FROM ${store.relation(numbers)}`))).toEqual([[1n], [3n]]);
});

test('a full disk while the manifest is written is an error too', async () => {
  const path = directory();
  const store = await open(path);
  symlinkSync('/dev/full', join(path, 'manifest.1.json.tmp'));
  await expect(store.publish(append(numbers, [1]))).rejects.toMatchObject({ code: 'OFFLINE_FULL' });
  expect(store.tables()).toEqual([]);
  expect(readdirSync(join(path, 'tables'), { recursive: true })).toEqual([numbers.name]);
});

test('a directory that cannot be written is an error that names it', async () => {
  const file = join(directory(), 'file');
  writeFileSync(file, '');
  const path = join(file, 'store');
  await expect(open(path)).rejects.toMatchObject({ code: 'OFFLINE_WRITE', facts: { path } });
});

test.skipIf(process.getuid?.() === 0)(
  'a read-only directory is an error that names it (skipped: root may write anywhere)',
  async () => {
    const path = directory();
    chmodSync(path, 0o555);
    await expect(open(path)).rejects.toMatchObject({ code: 'OFFLINE_WRITE', facts: { path } });
    chmodSync(path, 0o755);
  },
);

test('a reader of a directory that is not there learns it', async () => {
  const path = join(directory(), 'nothing');
  await expect(open(path, { access: 'read' })).rejects.toMatchObject({ code: 'OFFLINE_ABSENT' });
});

test('a damaged manifest is an error that names it, never an older state; a newer format is distinguished', async () => {
  const path = directory();
  const store = await openOfflineStore({ path, access: 'write', clock: Date.now });
  await store.publish(append(numbers, [1]));
  await store.close();
  const file = join(path, 'manifest.1.json');
  const whole = readFileSync(file, 'utf8');
  for (const damaged of [
    '',
    whole.slice(0, -1),
    '[]',
    'null',
    whole.replace('"rows":1', '"rows":-1'),
    whole.replace('BIGINT', 'INT96'),
  ]) {
    writeFileSync(file, damaged);
    for (const access of ['read', 'write'] as const)
      await expect(open(path, { access })).rejects.toMatchObject({ code: 'OFFLINE_CORRUPT', facts: { file } });
  }
  writeFileSync(file, whole.replace('"format":3', '"format":4'));
  await expect(open(path)).rejects.toMatchObject({ code: 'OFFLINE_VERSION', facts: { file, version: 4 } });
  writeFileSync(file, whole);
  const mended = await open(path);
  expect(mended.tables()[0]?.rows).toBe(1);
});

test('bytes changed inside a file are an error that names it', async () => {
  const path = directory();
  const store = await open(path);
  await store.publish(
    append({ name: 't', columns: { s: 'STRING' } }, ...Array.from({ length: 500 }, (_, i) => [`text ${i}`])),
  );
  const [file = ''] = store.tables()[0]?.files ?? [];
  const bytes = readFileSync(file);
  bytes.fill(0xff, 30, 60);
  writeFileSync(file, bytes);
  const reader = await open(path, { access: 'read' });
  const sql = `SELECT MAX(s) FROM ${reader.relation({ name: 't', columns: { s: 'STRING' } })}`;
  await expect(all(reader.query(sql))).rejects.toMatchObject({ code: 'OFFLINE_CORRUPT', facts: { file } });
});

test('a change is published though an older file that it would be merged with is damaged', async () => {
  const path = directory();
  const store = await open(path, { compactAtFiles: 3 });
  await store.publish(append(numbers, [1]));
  await store.publish(append(numbers, [2]));
  const [file = ''] = store.tables()[0]?.files ?? [];
  truncateSync(file, 20);
  await store.publish({ ...append(numbers, [3]), position: { topic: [3] } });
  expect(await store.position('w')).toEqual({ topic: [3] });
  expect(store.tables()[0]?.files).toHaveLength(3);
  const damage = { code: 'OFFLINE_CORRUPT', facts: { file } };
  await expect(store.compact(numbers.name)).rejects.toMatchObject(damage);
  await expect(store.retain(numbers.name, { timeColumn: 'n', olderThan: 2, maxBytes: 1 })).rejects.toMatchObject(
    damage,
  );
  expect(readdirSync(join(path, 'tables', numbers.name))).toHaveLength(3);
});

test('queries of which each fits the memory alone all answer, however many run at once', async () => {
  const store = await open(directory(), { memoryLimitBytes: 96 * 2 ** 20, threads: 2 });
  // About 45 MB each, which cannot be put on the disk.
  const list = (i: number) => `SELECT LENGTH(LIST(range::VARCHAR || repeat('x', 40))) + ${i} FROM range(300000)`;
  const counts = await Promise.all(Array.from({ length: 8 }, (_, i) => all(store.query(list(i)))));
  expect(counts.map(([[count]]) => Number(count))).toEqual(Array.from({ length: 8 }, (_, i) => 300_000 + i));
});

test('a query that needs more than the memory uses the disk, and one that cannot is an error that names the limit', async () => {
  const path = directory();
  const store = await open(path, { memoryLimitBytes: 64 * 2 ** 20, threads: 1 });
  const sorted = store.query('SELECT HASH(range) AS h, range FROM range(2000000) ORDER BY h LIMIT 1 OFFSET 1999999');
  expect(await all(sorted)).toHaveLength(1);
  const list = store.query("SELECT LENGTH(LIST(range::VARCHAR || repeat('x', 40))) FROM range(3000000)");
  await expect(all(list)).rejects.toMatchObject({ code: 'OFFLINE_MEMORY', facts: { limit: '64MiB' } });
  await store.close();
  expect(readdirSync(join(path, 'scratch'))).toEqual([]);
});
