import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import { MemoryEventLog } from '../../src/backends/memory/event-log.ts';
import { MemoryOnlineStore } from '../../src/backends/memory/online-store.ts';
import {
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  int,
  lastN,
  lookup,
  streamView,
  sum,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { COUNT, GENERATION, START } from '../../src/features/tile/tile-layout.ts';
import { FeatureStore } from '../../src/featurestore/feature-store.ts';
import type { TileCommit, TileReport } from '../../src/ports/online-store.ts';

const HOUR_MS = 3_600_000;
const BEGIN = Date.UTC(2026, 0, 1);

const rides = eventSource('rides', {
  id: 'ride',
  time: 'ended',
  columns: { ride: text(), ended: time(), station: text(), minutes: int() },
});
const station = entity('station', { station: text() });
const view = (version: number, window: '12h' | '1d') =>
  streamView('here', {
    version,
    source: rides,
    entity: station,
    key: { station: 'station' },
    freshness: '1s',
    windows: [window],
    features: (e) => ({ rides: count(), minutes: sum(e.minutes), latest: lastN(e.minutes, 2) }),
  });
const first = view(1, '12h');
const second = view(2, '1d');
const service = (of: typeof first | typeof second, name: string) =>
  featureService(name, { request: { station: text() }, join: (r) => ({ here: lookup(of, { station: r.station }) }) });

/** Remembers what was written, and can spoil a sum on its way. */
class WatchedStore extends MemoryOnlineStore {
  written: { start: number; generation: number }[] = [];
  /** Tiles of a backfill that were written at once. */
  readonly backfilled: number[] = [];
  spoilt = false;

  override writeTiles(commit: TileCommit): TileReport {
    const before = this.written.length;
    for (const { layout, run, index } of commit.tiles) {
      const at = index * layout.numbers;
      this.written.push({ start: run.nums[at + START], generation: run.nums[at + GENERATION] });
      if (this.spoilt) run.nums[at + COUNT + 3] += 1;
    }
    const own = this.written.slice(before);
    if (own.some(({ generation }) => generation === 1)) this.backfilled.push(own.length);
    return super.writeTiles(commit);
  }
}

async function shop() {
  const folder = mkdtempSync(`${tmpdir()}/headrace-backfill-`);
  const clock = { now: BEGIN };
  const offline = await openOfflineStore({ path: folder, access: 'write', clock: () => clock.now });
  const parts = { log: new MemoryEventLog(), online: new WatchedStore(), offline, clock };
  const open = (services: Parameters<typeof defineProject>[1]) =>
    FeatureStore.open({
      ...parts,
      project: defineProject('bikes', services),
      partitions: 1,
      memoryBytes: 100 * 2_000,
      sampleRate: 0,
      retention: { logAgeMs: 1e15, logBytes: 1e15, historyBytes: 1e15 },
      clock: () => clock.now,
      onComputeError: () => undefined,
    });
  onTestFinished(async () => {
    await offline.close();
    rmSync(folder, { recursive: true });
  });
  const store = await open({ old: service(first, 'old') });
  for (let hour = 0; hour < 30; hour += 1) {
    clock.now = BEGIN + hour * HOUR_MS;
    await store.ingest(rides, [{ ride: `r${hour}`, ended: clock.now - 1, station: 's', minutes: hour }]);
  }
  return { ...parts, store, open };
}

test('a backfill of a span replaces the closed tiles that are in it, and no others', async () => {
  const { store, online, clock } = await shop();
  const before = await store.vector(service(first, 'old'), { station: 's' }, clock.now);
  await store.commit();
  online.written = [];
  const [from, to] = [BEGIN + 5 * HOUR_MS, BEGIN + 9 * HOUR_MS];
  const report = await store.backfill(first, { from, to });
  const replaced = online.written.filter(({ generation }) => generation === 1).map(({ start }) => start);
  expect(replaced).toEqual([5, 6, 7, 8].map((hour) => BEGIN + hour * HOUR_MS));
  expect(report).toEqual({ applied: 4, duplicate: 0, stale: 0, conflict: 0, verified: 1 });
  online.written = [];
  // The last two hours are open to late events: they stay with the stream.
  await store.backfill(first);
  const all = online.written.filter(({ generation }) => generation > 0).map(({ start }) => start);
  expect(Math.max(...all)).toBe(BEGIN + 26 * HOUR_MS);
  expect(await store.vector(service(first, 'old'), { station: 's' }, clock.now)).toEqual(before);
});

test('a backfill writes some tiles at a time, whatever the number of keys', async () => {
  const { store, online, clock } = await shop();
  const ended = clock.now - 1;
  for (let n = 0; n < 30_000; n += 10_000) {
    const ten = Array.from({ length: 10_000 }, (_, i) => n + i);
    await store.ingest(
      rides,
      ten.map((i) => ({ ride: `k${i}`, ended, station: `s${i}`, minutes: 1 })),
    );
  }
  clock.now += 5 * HOUR_MS;
  await store.ingest(rides, [{ ride: 'last', ended: clock.now - 1, station: 's', minutes: 1 }]);
  await store.commit();
  const { applied } = await store.backfill(first);
  expect(applied).toBeGreaterThan(30_000);
  expect(online.backfilled.length).toBeGreaterThan(2);
  expect(Math.max(...online.backfilled)).toBeLessThanOrEqual(10_000);
});

test('a view in a new version is filled next to the old one, verified, and served', async () => {
  const { store, open, clock } = await shop();
  await store.close();
  const next = await open({ old: service(first, 'old'), young: service(second, 'young') });
  const read = async (of: Parameters<typeof next.vector>[0]) => {
    const { features } = await next.vector(of, { station: 's' }, clock.now);
    return Object.values(features);
  };
  expect(await read(next.project.services[0])).toEqual([12, 282, [29, 28]]);
  expect(await read(next.project.services[1])).toEqual([24, 420, [29, 28]]);
});

test('a view whose computed tiles differ from its events is not served', async () => {
  const { store, open, online } = await shop();
  await store.close();
  online.spoilt = true;
  await expect(open({ young: service(second, 'young') })).rejects.toMatchObject({
    code: 'BACKFILL_DIFFERS',
    facts: { view: 'here@2', keys: 1, differing: 1 },
  });
});
