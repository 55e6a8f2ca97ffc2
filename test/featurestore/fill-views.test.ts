import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, expect, test } from 'vitest';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import { openOnlineStore } from '../../src/backends/embedded/online/online-store.ts';
import { seededRandom } from '../../src/base/rng.ts';
import type { ProjectData, StreamViewData } from '../../src/features/define/declaration.ts';
import {
  count,
  defineProject,
  distinct,
  entity,
  eventSource,
  featureService,
  int,
  last,
  lookup,
  max,
  mean,
  over,
  streamView,
  sum,
  text,
  time,
  topK,
} from '../../src/features/define/declare.ts';
import { tileTable } from '../../src/features/plan/tile-table.ts';
import { tileLayout } from '../../src/features/tile/tile-layout.ts';
import { FeatureStore } from '../../src/featurestore/feature-store.ts';
import type { EventLog } from '../../src/ports/event-log.ts';
import type { OfflineStore } from '../../src/ports/offline-store.ts';
import type { OnlineStore, TileCommit, TileReport } from '../../src/ports/online-store.ts';
import { entityKeyCodec } from '../../src/schema/entity-key.ts';
import { MemoryEventLog } from '../memory/event-log.ts';
import { MemoryOnlineStore } from '../memory/online-store.ts';

const HOUR_MS = 3_600_000;
const START = Date.UTC(2026, 0, 1);

const rides = eventSource('rides', {
  id: 'ride',
  time: 'ended',
  columns: { ride: text(), ended: time(), station: text(), bike: text(), minutes: int() },
});
const station = entity('station', { station: text() });
const base = { source: rides, freshness: '1s', windows: ['1h', '1d'] } as const;

/** The first declaration: one view of two aggregates. */
const early = defineProject('bikes', {
  service: featureService('demand', {
    request: { station: text() },
    join: (r) => ({
      here: lookup(
        streamView('here', {
          ...base,
          entity: station,
          key: { station: 'station' },
          features: (e) => ({ rides: count(), minutes: sum(e.minutes) }),
        }),
        { station: r.station },
      ),
    }),
  }),
});

/** The one that follows: more aggregates and another order in that view, and a second view of another entity. */
const here = streamView('here', {
  ...base,
  entity: station,
  key: { station: 'station' },
  features: (e) => ({
    average: mean(e.minutes),
    bikes: over(['7d'], distinct(e.bike)),
    rides: count(),
    minutes: sum(e.minutes),
  }),
});
const byBike = streamView('by_bike', {
  ...base,
  entity: entity('bike', { bike: text() }),
  key: { bike: 'bike' },
  features: (e) => ({
    rides: over(['ever'], count()),
    last_station: over(['ever'], last(e.station)),
    stations: topK(e.station, 2),
  }),
});
const service = featureService('demand', {
  version: 2,
  request: { station: text(), bike: text() },
  join: (r) => ({ here: lookup(here, { station: r.station }), bike: lookup(byBike, { bike: r.bike }) }),
});
const late = defineProject('bikes', { service });

interface Environment {
  readonly log: EventLog;
  readonly online: OnlineStore;
  readonly offline: OfflineStore;
  now: number;
}

const folders: string[] = [];
const open: OfflineStore[] = [];
afterEach(async () => {
  for (const store of open.splice(0)) await store.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

async function environment(online: OnlineStore = new MemoryOnlineStore()): Promise<Environment> {
  const folder = mkdtempSync(`${tmpdir()}/headrace-fill-`);
  folders.push(folder);
  const here: Environment = {
    log: new MemoryEventLog(),
    online,
    offline: await openOfflineStore({ path: folder, access: 'write', clock: () => here.now }),
    now: START,
  };
  open.push(here.offline);
  return here;
}

function openStore(project: ProjectData, to: Environment): Promise<FeatureStore> {
  return FeatureStore.open({
    project,
    log: to.log,
    online: to.online,
    offline: to.offline,
    partitions: 3,
    memoryBytes: 5 * 2_000,
    sampleRate: 0,
    retention: { logAgeMs: 2 * HOUR_MS, logBytes: 1e9, historyBytes: 1e12 },
    clock: () => to.now,
    onComputeError: (_, error) => {
      throw error;
    },
  });
}

function keyOf(name: string): string {
  return entityKeyCodec(station.key).encode([name]) ?? '';
}

/** Rides by the hour, some delivered twice, some late. */
function ridesByHour(hours: number, perHour: number) {
  const random = seededRandom(7);
  const pick = (most: number) => Math.floor(random() * most);
  return Array.from({ length: hours }, (_, hour) =>
    Array.from({ length: perHour }, (_, i) => ({
      ride: `r${hour}-${i % (perHour - 3)}`,
      ended: START + hour * HOUR_MS - pick(2 * HOUR_MS),
      station: `s${pick(4)}`,
      bike: `b${pick(3)}`,
      minutes: pick(60),
    })),
  );
}

const hours = ridesByHour(30, 40);

async function ingest(store: FeatureStore, to: Environment, rows: typeof hours, first = 0): Promise<void> {
  for (const [hour, events] of rows.entries()) {
    to.now = START + (first + hour) * HOUR_MS;
    await store.ingest(rides, events);
  }
}

async function answers(store: FeatureStore, at: number): Promise<readonly unknown[]> {
  const read: unknown[] = [];
  for (const station of ['s0', 's1', 's2', 's3']) {
    for (const bike of ['b0', 'b1', 'b2']) {
      const { values, missing } = await store.read(service, { station, bike }, at);
      read.push({ station, bike, values, missing });
    }
  }
  return read;
}

/** The newest tiles of both views as the offline store has them. */
async function archived(of: Environment): Promise<readonly unknown[]> {
  const rows: unknown[] = [];
  for (const view of [here, byBike]) {
    for (const hopMs of view.hopsMs) {
      const key = view === here ? 'k_station' : 'k_bike';
      const table = of.offline.relation(tileTable(view, hopMs));
      const sql = `SELECT ${key}, tile_start, max(n) FROM ${table} GROUP BY ALL ORDER BY ALL`;
      for await (const batch of of.offline.query(sql)) rows.push(...batch.map((row) => [view.name, hopMs, ...row]));
    }
  }
  return rows;
}

/** What an environment answers that had the late declaration from the start. */
async function expected(rows: typeof hours) {
  const fresh = await environment();
  const store = await openStore(late, fresh);
  await ingest(store, fresh, rows);
  await store.close();
  return { answers: await answers(await openStore(late, fresh), fresh.now), archived: await archived(fresh) };
}

/** An environment that took these rides under the early declaration. */
async function grownFrom(rows: typeof hours, online?: OnlineStore): Promise<Environment> {
  const grown = await environment(online);
  const store = await openStore(early, grown);
  await ingest(store, grown, rows);
  await store.close();
  return grown;
}

test('a new view and new aggregates answer as if they had been there from the first event', async () => {
  const grown = await grownFrom(hours.slice(0, 20));
  const store = await openStore(late, grown);
  expect(await answers(store, grown.now)).toEqual((await expected(hours.slice(0, 20))).answers);
  await ingest(store, grown, hours.slice(20), 20);
  await store.close();
  const again = await openStore(late, grown);
  const wanted = await expected(hours);
  expect(await answers(again, grown.now)).toEqual(wanted.answers);
  expect(await archived(grown)).toEqual(wanted.archived);
});

/** A view whose merges are small, so that a store keeps its windows. */
const wheels = streamView('wheels', {
  ...base,
  entity: entity('bike', { bike: text() }),
  key: { bike: 'bike' },
  features: (e) => ({ rides: count(), minutes: sum(e.minutes), longest: max(e.minutes) }),
});
const repairs = featureService('repairs', {
  request: { bike: text() },
  join: (r) => ({ bike: lookup(wheels, { bike: r.bike }) }),
});
const bikes = Array.from({ length: 200 }, (_, i) => `b${i}`);

test('a new view of many keys is filled with the windows of each key, and answers as if it had always been there', async () => {
  const project = defineProject('bikes', { repairs });
  const rows = hours
    .slice(0, 20)
    .map((each) => each.map((ride, i) => ({ ...ride, bike: bikes[(i * 7) % bikes.length] })));
  const path = mkdtempSync(`${tmpdir()}/headrace-fill-`);
  folders.push(path);
  const online = openOnlineStore({ path });
  const grown = await grownFrom(rows, online);
  await (await openStore(project, grown)).close();
  const { encode } = entityKeyCodec(wheels.entity.key);
  const seen = bikes.filter((bike) => rows.flat().some((ride) => ride.bike === bike));
  const stored = bikes.filter((bike) => online.readWindows?.(tileLayout(wheels), encode([bike]) ?? '') != null);
  expect(stored).toEqual(seen);
  const fresh = await environment();
  const always = await openStore(project, fresh);
  await ingest(always, fresh, rows);
  const filled = await openStore(project, grown);
  for (const at of [grown.now, grown.now + HOUR_MS, grown.now - 3 * HOUR_MS])
    for (const bike of bikes)
      expect(await filled.read(repairs, { bike }, at)).toEqual(await always.read(repairs, { bike }, at));
});

test('a declaration that comes back answers as if it had never been away', async () => {
  const grown = await grownFrom(hours.slice(0, 10));
  const between = await openStore(late, grown);
  await ingest(between, grown, hours.slice(10, 20), 10);
  await between.close();
  const back = await openStore(early, grown);
  await ingest(back, grown, hours.slice(20), 20);
  const fresh = await environment();
  const always = await openStore(early, fresh);
  await ingest(always, fresh, hours);
  for (const request of ['s0', 's1', 's2', 's3'].map((name) => ({ station: name })))
    expect(await back.read(early.services[0], request)).toEqual(await always.read(early.services[0], request));
});

test('tiles of what is declared no more leave the online store, and those of what is declared stay', async () => {
  const grown = await grownFrom(hours.slice(0, 10));
  const [former] = early.views;
  if (former?.kind !== 'streamView') throw new Error('the early project has one stream view');
  const held = async (view: StreamViewData) => {
    const layout = tileLayout(view);
    const every = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
    const reads = view.hopsMs.flatMap((hopMs) =>
      ['s0', 's1', 's2', 's3'].map((name) => ({ layout, hopMs, key: keyOf(name), ...every })),
    );
    return (await grown.online.readTiles(reads)).reduce((sum, { length }) => sum + length, 0);
  };
  expect(await held(former)).toBeGreaterThan(0);
  const store = await openStore(late, grown);
  await store.close();
  expect(await held(former)).toBe(0);
  expect(await held(here)).toBeGreaterThan(0);
});

test('what the log no longer has is filled from the history', async () => {
  const many = ridesByHour(24, 180);
  const grown = await grownFrom(many);
  const store = await openStore(early, grown);
  await store.retainLog();
  await store.close();
  expect((await grown.log.ends('rides@1')).map(({ begin }) => begin)).toEqual([1_000, 1_000, 1_000]);
  const wanted = await expected(many);
  const filled = await openStore(late, grown);
  expect(await answers(filled, grown.now)).toEqual(wanted.answers);
  await filled.close();
  expect(await archived(grown)).toEqual(wanted.archived);
});

test('an online store that is gone is built again from the history where the log has been trimmed', async () => {
  const many = ridesByHour(24, 180);
  const grown = await grownFrom(many);
  const store = await openStore(late, grown);
  await store.close();
  expect(Math.min(...(await grown.log.ends('rides@1')).map(({ begin }) => begin))).toBeGreaterThan(0);
  const wanted = await expected(many);
  const rebuilt = { ...grown, online: new MemoryOnlineStore() };
  expect(await answers(await openStore(late, rebuilt), grown.now)).toEqual(wanted.answers);
});

test('an instant whose tiles may be dropped has no answer, rather than a smaller one', async () => {
  const grown = await grownFrom(hours);
  const store = await openStore(late, grown);
  const request = { station: 's0', bike: 'b0' };
  const { missing } = await store.vector(service, request, grown.now - 3 * HOUR_MS);
  expect(Object.keys(missing).length).toBe(service.features.length);
  expect(new Set(Object.values(missing))).toEqual(new Set(['past']));
  expect((await store.vector(service, request, grown.now)).missing).toEqual({});
});

/** Fails at one of its writes, and at all that follow, until it is repaired. */
class FailingStore extends MemoryOnlineStore {
  writesLeft = Number.POSITIVE_INFINITY;

  override writeTiles(commit: TileCommit): TileReport {
    this.writesLeft -= 1;
    if (this.writesLeft < 0) throw new Error('the store failed');
    return super.writeTiles(commit);
  }
}

test('a fill that is cut off at a write is done again, and counts nothing twice', async () => {
  const rows = hours.slice(0, 6);
  const wanted = (await expected(rows)).answers;
  let failures = 0;
  for (let writes = 0; failures * 3 === writes; writes += 3) {
    const online = new FailingStore();
    const grown = await grownFrom(rows, online);
    online.writesLeft = writes;
    const failed = await openStore(late, grown).then(
      () => false,
      () => true,
    );
    if (failed) failures += 1;
    online.writesLeft = Number.POSITIVE_INFINITY;
    expect(await answers(await openStore(late, grown), grown.now)).toEqual(wanted);
  }
  expect(failures).toBeGreaterThan(2);
});
