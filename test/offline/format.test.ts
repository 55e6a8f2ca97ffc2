import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import type { OfflineStore, OfflineTable } from '../../src/ports/offline-store.ts';

// Written by format version 1: three tables in seven files, of which one was merged from two, and three are retired.
const FIXTURE = fileURLToPath(new URL('../fixtures/offline-v1', import.meta.url));

const events: OfflineTable = {
  name: 'events/clicks@1',
  columns: { id: 'STRING', at: 'BIGINT', _ingest_ts: 'BIGINT', _partition: 'BIGINT', _offset: 'BIGINT' },
};
const tiles: OfflineTable = { name: 'tiles/by_user@1/60000', columns: { k_user: 'STRING', n: 'BIGINT' } };

test('a store that format version 1 wrote is read as it was', async () => {
  const store = await openOfflineStore({ path: FIXTURE, access: 'read', clock: Date.now });
  onTestFinished(() => store.close());
  expect(await rowsOf(store, events)).toEqual([
    ['a', 10n, 11n, 0n, 0n],
    ['b', 12n, 12n, 1n, 0n],
    ['a', 10n, 13n, 0n, 1n],
  ]);
  expect(await rowsOf(store, tiles)).toEqual([['u', 2n]]);
  const every = store.tables().find(({ table }) => table.name === 'every_type@1')?.table;
  expect(every && (await rowsOf(store, every))).toEqual([
    [2n ** 63n - 1n, -0, true, "Ω'\0", 10n ** 38n - 1n, Buffer.from([0, 255]), [1n], [0.5], ['x', ''], [true, false]],
    [null, null, null, null, null, null, null, null, null, null],
  ]);
  expect(await store.position('deliveries')).toEqual({ clicks: [2, 1] });
});

test('a column that format version 1 did not have is null in what it wrote', async () => {
  const store = await copyOfFixture();
  const judged = { ...events, columns: { ...events.columns, _verdict: 'STRING' as const } };
  const old = [
    ['a', 10n, 11n, 0n, 0n, null],
    ['b', 12n, 12n, 1n, 0n, null],
    ['a', 10n, 13n, 0n, 1n, null],
  ];
  await store.evolve(judged);
  expect(await rowsOf(store, judged)).toEqual(old);
  const row = { table: judged, rows: 1, columns: [['a'], [10], [14], [0], [2], ['duplicate']] };
  await store.publish({ writer: 'deliveries', position: { clicks: [3, 1] }, mode: 'append', tables: [row] });
  expect(await rowsOf(store, judged)).toEqual([...old, ['a', 10n, 14n, 0n, 2n, 'duplicate']]);
});

// Written by format version 3: sums, a file of other columns, one that was merged and two that are retired.
const FIXTURE_3 = fileURLToPath(new URL('../fixtures/offline-v3', import.meta.url));

test('a store that format version 3 wrote is read as it was', async () => {
  const store = await openOfflineStore({ path: FIXTURE_3, access: 'read', clock: Date.now });
  onTestFinished(() => store.close());
  expect(await rowsOf(store, { ...events, columns: { ...events.columns, _verdict: 'STRING' } })).toEqual([
    ['a', 10n, 11n, 0n, 0n, null],
    ['b', 12n, 12n, 1n, 0n, null],
    ['a', 10n, 13n, 0n, 1n, 'duplicate'],
  ]);
  expect(await rowsOf(store, tiles)).toEqual([
    ['u', 1n],
    ['v', 2n],
  ]);
});

test('a store that format version 1 wrote is written on', async () => {
  const store = await copyOfFixture();
  const row = { table: tiles, rows: 1, columns: [['v'], [3]] };
  await store.publish({ writer: 'tiles', position: { clicks: [3, 1] }, mode: 'append', tables: [row] });
  expect(await rowsOf(store, tiles)).toEqual([
    ['u', 2n],
    ['v', 3n],
  ]);
});

async function copyOfFixture(): Promise<OfflineStore> {
  const path = mkdtempSync(join(tmpdir(), 'offline-v1-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  cpSync(FIXTURE, path, { recursive: true });
  const store = await openOfflineStore({ path, access: 'write', clock: Date.now });
  onTestFinished(() => store.close());
  return store;
}

async function rowsOf(store: OfflineStore, table: OfflineTable): Promise<readonly unknown[]> {
  const rows: unknown[] = [];
  for await (const batch of store.query(`SELECT * FROM ${store.relation(table)}`)) rows.push(...batch);
  return rows;
}
