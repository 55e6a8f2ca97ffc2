import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { expect, onTestFinished, test } from 'vitest';
import {
  bool,
  decimal,
  defineProject,
  entity,
  eventSource,
  featureService,
  float,
  int,
  int64,
  last,
  lookup,
  nullable,
  streamView,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { ingestInto, loadInto } from './past-site.ts';

const NOW = Date.UTC(2026, 0, 31, 12);

const readings = eventSource('readings', {
  id: 'id',
  time: 'at',
  columns: {
    ...{ id: text(), at: time(), key: text(), f: nullable(float()), i: nullable(int()), w: nullable(int64()) },
    ...{ d: nullable(decimal(2)), b: nullable(bool()), s: nullable(text()), t: nullable(time()) },
  },
});
const newest = streamView('newest', {
  source: readings,
  freshness: '1s',
  windows: ['30d'],
  entity: entity('key', { key: text() }),
  key: { key: 'key' },
  features: (e) => ({
    ...{ f: last(e.f), i: last(e.i), w: last(e.w), d: last(e.d), b: last(e.b), s: last(e.s), t: last(e.t) },
  }),
});
const service = featureService('read', {
  request: { key: text() },
  join: (r) => ({ newest: lookup(newest, { key: r.key }) }),
});
const project = defineProject('types', { readings, service });

/** Values of each column at the edges of its type and beyond them, as SQL. */
const edges = {
  f: ['-0.0', '0.0', "'nan'", "'infinity'", '5e-324', '1.7976931348623157e308', 'NULL'],
  i: ['9007199254740991', '9007199254740992', '-9007199254740991', '0', 'NULL'],
  w: ['9223372036854775807', '-9223372036854775808', '0', 'NULL'],
  d: ['0.01', '-0.01', '92233720368547758.07', '92233720368547758.08', 'NULL'],
  b: ['true', 'false', 'NULL'],
  s: ["''", "'🙂'", "'a' || chr(10) || 'b'", "repeat('x', 5000)", "'NULL'", 'NULL'],
  t: ['1750000000000', '1750000000', '8640000000000001', '-1', 'NULL'],
};
const TYPES = { f: 'DOUBLE', i: 'BIGINT', w: 'BIGINT', d: 'DECIMAL(20,2)', b: 'BOOLEAN', s: 'VARCHAR', t: 'BIGINT' };

/** An event for each edge, with its own key, two days ago. */
async function edgesFile(path: string): Promise<readonly string[]> {
  const names = Object.keys(edges) as (keyof typeof edges)[];
  const cells = names.flatMap((name) => edges[name].map((value) => [name, value] as const));
  const rows = cells.map(([name, value], n) => {
    const others = names.map((one) => `CAST(${one === name ? value : 'NULL'} AS ${TYPES[one]}) AS ${one}`);
    return `SELECT 'e${n}' AS id, ${NOW - 2 * 86_400_000 + n} AS at, 'k${n}' AS key, ${others.join(', ')}`;
  });
  // The last event of all, from which on the log is needed.
  const end = names.map((one) => `CAST(NULL AS ${TYPES[one]}) AS ${one}`).join(', ');
  rows.push(`SELECT 'end' AS id, ${NOW - 1} AS at, 'end' AS key, ${end}`);
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run(`COPY (${rows.join('\nUNION ALL\n')}) TO '${path}' (FORMAT PARQUET)`);
  connection.closeSync();
  return cells.map((_, n) => `k${n}`);
}

/** What a project has of a file: counts, deliveries and vectors; `isBulk`: by a past that is loaded. */
async function taken(path: string, keys: readonly string[], isBulk: boolean) {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-types-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const place = { source: readings, directory, path, now: NOW };
  const loaded = isBulk ? ((await loadInto(place, 1)) ?? 0) : 0;
  const headrace = await openHeadrace({ project, environment: { directory, partitions: 1 }, clock: () => NOW });
  const { errors, resumed, ...counts } = await ingestInto(headrace, place, loaded);
  await headrace.flush();
  const vectors = [];
  for (const key of keys) vectors.push((await headrace.vector(service, { key }, NOW)).features);
  const rows: unknown[] = [];
  const sql = `SELECT id, f, i, w, d, b, s, t, _verdict FROM ${headrace.deliveries(readings)} ORDER BY id`;
  for await (const batch of headrace.history.query(sql)) rows.push(...batch);
  await headrace.close();
  return { loaded, seen: { counts, codes: errors.map(({ code }) => code).sort(), vectors, rows } };
}

test('a past that is loaded has the values of every type as the log takes them, at the edges of the type too', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'headrace-edges-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'edges.parquet');
  const keys = await edgesFile(path);
  const [single, bulk] = [await taken(path, keys, false), await taken(path, keys, true)];
  expect(bulk.loaded).toBeGreaterThan(20);
  expect(bulk.seen).toEqual(single.seen);
});
