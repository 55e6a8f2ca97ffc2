import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import { fail } from '../../src/base/errors/fail.ts';
import { rawTable } from '../../src/features/plan/raw-table.ts';
import { servedTable } from '../../src/features/plan/served-table.ts';
import { tileTable } from '../../src/features/plan/tile-table.ts';
import { tileLayout } from '../../src/features/tile/tile-layout.ts';
import { FeatureStore } from '../../src/featurestore/feature-store.ts';
import { topicOf } from '../../src/featurestore/ingest/gateway.ts';
import type { OfflineStore } from '../../src/ports/offline-store.ts';
import { entityKeyCodec } from '../../src/schema/entity-key.ts';
import { byUser, project, START, service, visits } from '../featurestore/visits-site.ts';
import { MemoryEventLog } from '../memory/event-log.ts';
import { MemoryOnlineStore } from '../memory/online-store.ts';

/** A store over a history whose disk can be full. */
async function storeOfFillingDisk(sampleRate = 0) {
  const path = mkdtempSync(`${tmpdir()}/archive-`);
  const real = await openOfflineStore({ path, access: 'write', clock: Date.now });
  onTestFinished(async () => {
    await real.close();
    rmSync(path, { recursive: true, force: true });
  });
  const state = { full: false, now: START };
  const offline: OfflineStore = {
    publish: (change) => (state.full ? Promise.reject(fail('OFFLINE_FULL', { path })) : real.publish(change)),
    publishQueries: (change) => real.publishQueries(change),
    evolve: (table) => real.evolve(table),
    erase: (name, where) => real.erase(name, where),
    purge: () => real.purge(),
    position: (writer) => real.position(writer),
    tables: () => real.tables(),
    relation: (table) => real.relation(table),
    query: (sql) => real.query(sql),
    exportParquet: (sql, file) => real.exportParquet(sql, file),
    exportRows: (table, rows, file) => real.exportRows(table, rows, file),
    withFiles: (tables, work) => real.withFiles(tables, work),
    check: (most) => real.check(most),
    damaged: () => real.damaged(),
    repair: (copy) => real.repair(copy),
    soundRelation: (table) => real.soundRelation(table),
    replaceDamaged: (table, rows, expected) => real.replaceDamaged(table, rows, expected),
    refresh: () => real.refresh(),
    compact: (name) => real.compact(name),
    retain: (name, rule) => real.retain(name, rule),
    close: () => real.close(),
  };
  const log = new MemoryEventLog();
  const online = new MemoryOnlineStore();
  const store = await FeatureStore.open({
    project,
    log,
    online,
    offline,
    partitions: 2,
    memoryBytes: 100 * 2_000,
    sampleRate,
    retention: { logAgeMs: 0, logBytes: 1e15, historyBytes: 1e15 },
    clock: () => state.now,
    onComputeError: () => undefined,
  });
  return { store, state, log, online, real };
}

async function rowsOf(offline: OfflineStore, sql: string): Promise<readonly unknown[]> {
  const found: unknown[] = [];
  for await (const rows of offline.query(sql)) found.push(...rows);
  return found;
}

type Place = Awaited<ReturnType<typeof storeOfFillingDisk>>;

async function ingest({ store, state }: Place, events: number): Promise<void> {
  for (let i = 0; i < events; i += 1) {
    state.now += 3_000;
    await store.ingest(visits, [{ id: `c${state.now}`, at: state.now, user: `u${state.now % 7}` }]);
  }
}

test('a disk that is full for a while leaves no gap in the history', async () => {
  const place = await storeOfFillingDisk();
  const { store, state, real } = place;
  for (const full of [false, true, true, false]) {
    state.full = full;
    await ingest(place, 10);
    if (full) await expect(store.flush()).rejects.toMatchObject({ code: 'OFFLINE_FULL' });
    else await store.flush();
  }
  const tiles = tileTable(byUser, byUser.hopsMs[0] ?? 0);
  const sql = `SELECT
    (SELECT COUNT(*) FROM ${real.relation(rawTable(visits))}),
    (SELECT COUNT(DISTINCT id) FROM ${real.relation(rawTable(visits))}),
    (SELECT SUM(n) FROM (SELECT MAX(visits_n) AS n FROM ${real.relation(tiles)} GROUP BY k_user, tile_start))`;
  expect(await rowsOf(real, sql)).toEqual([[40n, 40n, 40n]]);
});

test('vectors served before a publish that failed are published by the next one', async () => {
  const place = await storeOfFillingDisk(1);
  const { store, state, real } = place;
  await ingest(place, 10);
  state.full = true;
  for (const id of ['a', 'b']) await store.read(service, { user: 'u1' }, undefined, id);
  await expect(store.flush()).rejects.toMatchObject({ code: 'OFFLINE_FULL' });
  await store.read(service, { user: 'u1' }, undefined, 'c');
  state.full = false;
  await store.flush();
  expect(await rowsOf(real, `SELECT _id FROM ${real.relation(servedTable(service))}`)).toEqual([['a'], ['b'], ['c']]);
});

test('a publish behind a tick that fails is thrown by a later tick, once', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const place = await storeOfFillingDisk();
  const { store, state, real } = place;
  await ingest(place, 10);
  state.full = true;
  vi.advanceTimersByTime(61_000);
  await store.tick();
  await expect(ticks(store)).rejects.toMatchObject({ code: 'OFFLINE_FULL' });
  state.full = false;
  await store.tick();
  await store.flush();
  expect(await rowsOf(real, `SELECT COUNT(*) FROM ${real.relation(rawTable(visits))}`)).toEqual([[10n]]);
});

async function ticks(store: FeatureStore): Promise<void> {
  for (let i = 0; i < 50; i += 1) await store.tick();
}

test('the log keeps what the history has not, however young its retention', async () => {
  const place = await storeOfFillingDisk();
  const { store, state, log } = place;
  await ingest(place, 3_000);
  await store.flush();
  state.full = true;
  for (let time = 0; time < 2; time += 1) {
    state.now += 10 * 86_400_000;
    await ingest(place, 3_000);
    await expect(store.flush()).rejects.toMatchObject({ code: 'OFFLINE_FULL' });
  }
  await store.retainLog();
  const kept = (await log.ends(topicOf(visits))).reduce((sum, { begin, end }) => sum + end - begin, 0);
  expect(kept).toBeGreaterThanOrEqual(6_000);
});

test('a tile that no window can reach is written to the online store unless the history has it', async () => {
  const place = await storeOfFillingDisk();
  const { store, state, online, real } = place;
  const layout = tileLayout(byUser);
  const [hopMs] = byUser.hopsMs;
  const storedOf = (user: string) => {
    const read = { layout, hopMs, key: entityKeyCodec(byUser.entity.key).encode([user]) ?? '', from: -1e15, to: 1e15 };
    return online.readTiles([read])[0].length;
  };
  const visit = async (user: string) => {
    for (let i = 0; i < 100; i += 1) {
      state.now += hopMs;
      await store.ingest(visits, [{ id: `${user}${i}`, at: state.now, user }]);
    }
  };
  await visit('kept');
  state.full = true;
  await expect(store.flush()).rejects.toMatchObject({ code: 'OFFLINE_FULL' });
  expect(storedOf('kept')).toBe(100);
  state.full = false;
  await visit('gone');
  await store.flush();
  // An hour for the window, one for what comes late: 24 hops, and a few by which the log clock is behind.
  expect(storedOf('gone')).toBeGreaterThanOrEqual(24);
  expect(storedOf('gone')).toBeLessThan(48);
  const tiles = real.relation(tileTable(byUser, hopMs));
  expect(await rowsOf(real, `SELECT k_user, COUNT(*) FROM ${tiles} GROUP BY 1 ORDER BY 1`)).toEqual([
    ['gone', 100n],
    ['kept', 100n],
  ]);
});
