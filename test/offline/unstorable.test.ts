import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import {
  count,
  decimal,
  defineProject,
  entity,
  eventSource,
  featureService,
  int,
  lookup,
  streamView,
  sum,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { rawTable } from '../../src/features/plan/raw-table.ts';
import { tileTable } from '../../src/features/plan/tile-table.ts';
import { publishStorable, UNSTORED, unstoredOf } from '../../src/featurestore/publish-storable.ts';
import type { OfflineStore, OfflineTable, OfflineType, OfflineValue } from '../../src/ports/offline-store.ts';
import { openHeadrace } from '../../src/running/headrace.ts';

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'unstorable-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function rowsOf(offline: OfflineStore, table: string): Promise<(readonly OfflineValue[])[]> {
  const found = offline.tables().find((state) => state.table.name === table);
  const rows: (readonly OfflineValue[])[] = [];
  if (found === undefined) return rows;
  for await (const batch of offline.query(`SELECT * FROM ${offline.relation(found.table)}`)) rows.push(...batch);
  return rows;
}

/** Values that a column of each type holds, and values that it does not. */
const values: Readonly<Record<OfflineType, readonly [good: OfflineValue, ...bad: OfflineValue[]]>> = {
  BIGINT: [7n, 2n ** 63n, -(2n ** 63n) - 1n, 0.5, Number.NaN, 2 ** 60, 'x', true],
  DOUBLE: [0.5, 5n, 'x', false],
  BOOLEAN: [true, 1, 'true'],
  STRING: ['a', '\ud800', 'x\udfff', 5],
  DECIMAL: [10n ** 38n - 1n, 10n ** 38n, -(10n ** 38n), 0.5],
  BLOB: [Buffer.from([1]), 'x', 1],
  'LIST<BIGINT>': [[1n], [2n ** 63n], [1n, 'x'], 1n],
  'LIST<DOUBLE>': [[0.5], [0.5, 1n], 0.5],
  'LIST<STRING>': [['a'], ['a', '\ud800'], 'a'],
  'LIST<BOOLEAN>': [[true], [true, 1], true],
};
const types = Object.keys(values) as OfflineType[];
const every: OfflineTable = {
  name: 'every@1',
  columns: { id: 'BIGINT', ...Object.fromEntries(types.map((type, i) => [`c${i}`, type])) },
};
const other: OfflineTable = { name: 'other@1', columns: { id: 'BIGINT' } };

test('a value of any type that its column cannot hold stops no other row, table or change, and is kept', async () => {
  const cell = fc.constantFrom(...types.flatMap((type, c) => values[type].slice(1).map((bad) => ({ c, bad }))));
  const row = fc.option(cell, { freq: 3 });
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 12 }), async (bads) => {
      const offline = await openOfflineStore({ path: directory(), access: 'write', clock: Date.now });
      onTestFinished(() => offline.close());
      const rows = bads.map((bad, id): readonly OfflineValue[] => [
        id,
        ...types.map((type, c) => (bad !== null && bad.c === c ? bad.bad : values[type][0])),
      ]);
      const columns = Object.keys(every.columns).map((_, c) => rows.map((cells) => cells[c] ?? null));
      const change = {
        writer: 'w',
        position: { t: [rows.length] },
        mode: 'append',
        tables: [
          { table: every, rows: rows.length, columns },
          { table: other, rows: 1, columns: [[1]] },
        ],
      } as const;
      await publishStorable(offline, change);
      const ids = (found: readonly (readonly OfflineValue[])[]) => found.map(([id]) => Number(id));
      const good = bads.flatMap((bad, id) => (bad === null ? [id] : []));
      const bad = bads.flatMap((wrong, id) => (wrong === null ? [] : [id]));
      expect(ids(await rowsOf(offline, every.name))).toEqual(good);
      expect(ids(await rowsOf(offline, other.name))).toEqual([1]);
      expect(await offline.position('w')).toEqual({ t: [rows.length] });
      const kept = await rowsOf(offline, `${UNSTORED}${every.name}`);
      expect(ids(kept)).toEqual(bad);
      for (const cells of kept) expect(cells.at(-1)).toMatch(/^c\d = .* is not /s);
      expect(unstoredOf(offline.tables())).toEqual(bad.length === 0 ? [] : [{ table: every.name, rows: bad.length }]);
    }),
    { numRuns: 25 },
  );
});

const pays = eventSource('pays', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), user: text(), amount: decimal(2) },
});
const visits = eventSource('visits', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), user: text(), n: int() },
});
const user = entity('user', { user: text() });
const paid = streamView('paid', {
  source: pays,
  entity: user,
  key: { user: 'user' },
  windows: ['1h'],
  freshness: '1s',
  features: (row) => ({ total: sum(row.amount) }),
});
const visited = streamView('visited', {
  source: visits,
  entity: user,
  key: { user: 'user' },
  windows: ['1h'],
  freshness: '1s',
  features: (row) => ({ n: count(), most: sum(row.n) }),
});
const service = featureService('both', {
  request: { user: text() },
  join: (r) => ({ paid: lookup(paid, { user: r.user }), visited: lookup(visited, { user: r.user }) }),
});

test('sums that leave their type stop no table of any view, over restarts; what cannot be stored is degraded', async () => {
  const root = directory();
  const start = Date.UTC(2026, 0, 5);
  const state = { now: start };
  const open = () =>
    openHeadrace({
      project: defineProject('shop', { service }),
      environment: { directory: root },
      clock: () => state.now,
    });
  let headrace = await open();
  let isOpen = true;
  onTestFinished(async () => {
    if (isOpen) await headrace.close();
  });
  for (let round = 0; round < 3; round += 1) {
    state.now = start + round * 600_000;
    const amount = '92233720368547758.07';
    const [at, id] = [state.now, `e${round}`];
    await headrace.ingest(pays, [
      { id: `${id}a`, at, user: 'ann', amount },
      { id: `${id}b`, at, user: 'ann', amount },
      { id: `${id}c`, at, user: 'bob', amount: '1.00' },
    ]);
    await headrace.ingest(visits, [{ id, at, user: 'ann', n: Number.MAX_SAFE_INTEGER }]);
    await headrace.flush();
    if (round === 1) {
      await headrace.close();
      headrace = await open();
    }
  }
  const { metrics } = await readTables(headrace);
  const states = headrace.degraded().filter((line) => line.includes('could not be stored'));
  isOpen = false;
  await headrace.close();
  const offline = await openOfflineStore({ path: join(root, 'offline'), access: 'read', clock: Date.now });
  onTestFinished(() => offline.close());
  expect((await rowsOf(offline, rawTable(pays).name)).length).toBe(9);
  expect((await rowsOf(offline, rawTable(visits).name)).length).toBe(3);
  const tiles = await rowsOf(offline, tileTable(visited, visited.hopsMs[0] ?? 0).name);
  expect(tiles.length).toBe(3);
  const unstored = unstoredOf(offline.tables());
  expect(states.length).toBe(unstored.length);
  for (const { table, rows } of unstored) {
    expect(states.join()).toContain(`${rows} rows of the history's ${table}`);
    expect(metrics).toContain(`headrace_history_rows_unstored{table="${table}"} ${rows}`);
  }
  const name = tileTable(paid, paid.hopsMs[0] ?? 0).name;
  const [stored, kept] = [await rowsOf(offline, name), await rowsOf(offline, `${UNSTORED}${name}`)];
  for (const who of ['ann', 'bob']) expect([...stored, ...kept].filter(([key]) => key === who).length).toBe(3);
});

async function readTables(headrace: { metrics(): Promise<{ readonly text: string }> }) {
  return { metrics: (await headrace.metrics()).text };
}

test('an entity is forgotten out of rows that could not be stored too, and a backfill of the view clears them', async () => {
  const root = directory();
  const open = () => openHeadrace({ project: defineProject('shop', { service }), environment: { directory: root } });
  await (await open()).close();
  const table = tileTable(paid, paid.hopsMs[0] ?? 0);
  const path = join(root, 'offline');
  const store = await openOfflineStore({ path, access: 'write', clock: Date.now });
  const rows = ['ann', 'bob'].map((key) =>
    Object.entries(table.columns).map(([name, type]) =>
      type === 'STRING' ? key : name === 'total_sum' ? 10n ** 38n : 1n,
    ),
  );
  const columns = Object.keys(table.columns).map((_, c) => rows.map((cells) => cells[c] ?? null));
  const change = { writer: 'w', position: {}, mode: 'append', tables: [{ table, rows: 2, columns }] } as const;
  await publishStorable(store, change);
  await store.close();
  const headrace = await open();
  onTestFinished(() => headrace.close());
  expect(headrace.degraded().join()).toContain('2 rows of');
  await headrace.forget('user', { user: 'ann' });
  expect(headrace.degraded().join()).toContain('1 rows of');
  const reader = await openOfflineStore({ path, access: 'read', clock: Date.now });
  onTestFinished(() => reader.close());
  expect((await rowsOf(reader, `${UNSTORED}${table.name}`)).map(([key]) => key)).toEqual(['bob']);
  const later = { from: Date.UTC(2026, 0, 1), to: Date.UTC(2026, 0, 2) };
  await headrace.backfill(paid, later);
  expect(headrace.degraded().join(), 'a backfill of another span leaves them').toContain('1 rows of');
  const cancelled = headrace.backfill(paid, undefined, { signal: AbortSignal.abort() });
  await expect(cancelled).rejects.toMatchObject({ code: 'JOB_CANCELLED' });
  expect(headrace.degraded().join()).toContain('1 rows of');
  await headrace.backfill(paid);
  expect(headrace.degraded()).toEqual([]);
});

test('an entity is forgotten where an event of its source could not be stored', async () => {
  const root = directory();
  const open = () => openHeadrace({ project: defineProject('shop', { service }), environment: { directory: root } });
  await (await open()).close();
  const store = await openOfflineStore({ path: join(root, 'offline'), access: 'write', clock: Date.now });
  const table = rawTable(paid.source);
  const cells = Object.entries(table.columns).map(([name, type]) => [
    type === 'STRING' ? 'ann' : name.startsWith('_') ? 1n : 10n ** 38n,
  ]);
  const tables = [{ table, rows: 1, columns: cells }];
  await publishStorable(store, { writer: 'w', position: {}, mode: 'append', tables });
  expect(await rowsOf(store, `${UNSTORED}${table.name}`)).toHaveLength(1);
  await store.close();
  const headrace = await open();
  onTestFinished(() => headrace.close());
  await headrace.forget('user', { user: 'ann' });
});
