import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import { MemoryEventLog } from '../../src/backends/memory/event-log.ts';
import { MemoryOnlineStore } from '../../src/backends/memory/online-store.ts';
import { compareText } from '../../src/base/text-order.ts';
import {
  approxDistinct,
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  int,
  lastN,
  lookup,
  over,
  streamView,
  sum,
  text,
  time,
  topK,
} from '../../src/features/define/declare.ts';
import type { Delivery } from '../../src/features/engine/delivery.ts';
import { FeatureStore } from '../../src/featurestore/feature-store.ts';
import { topicOf } from '../../src/featurestore/ingest/gateway.ts';
import { readDeliveries } from '../../src/featurestore/materialise/log-cursor.ts';
import type { OfflineStore } from '../../src/ports/offline-store.ts';
import type { OnlineStore, TileCommit, TileReport } from '../../src/ports/online-store.ts';
import { entityKeyCodec } from '../../src/schema/entity-key.ts';
import { rowCodec } from '../../src/schema/row-codec.ts';
import { acceptedDeliveries, naiveAnswers } from '../../src/testing/oracle/naive-scan.ts';

const MINUTE_MS = 60_000;
const START = Date.UTC(2026, 0, 1);

const clicks = eventSource('clicks', {
  id: 'id',
  time: 'at',
  lateness: '30m',
  columns: { id: text(), at: time(), user: text(), page: text(), ms: int() },
});
const byUser = streamView('by_user', {
  source: clicks,
  entity: entity('user', { user: text() }),
  key: { user: 'user' },
  windows: ['1h', '1d'],
  freshness: '1s',
  features: ({ ms, page }) => ({
    n: count(),
    ms: sum(ms),
    pages: over(['1d'], approxDistinct(page)),
    recent: over(['1h'], lastN(page, 3)),
  }),
});
const byPage = streamView('by_page', {
  source: clicks,
  entity: entity('page', { page: text() }),
  key: { page: 'page' },
  windows: ['1h'],
  freshness: '1s',
  features: ({ user }) => ({ n: count(), users: topK(user, 2) }),
});
const service = featureService('clicker', {
  request: { user: text(), page: text() },
  join: (r) => ({ u: lookup(byUser, { user: r.user }), p: lookup(byPage, { page: r.page }) }),
});
const project = defineProject('site', { service });

const USERS = ['ann', 'bob', ''];
const PAGES = ['/', '/é', '/c|d'];

interface Place {
  readonly log: MemoryEventLog;
  readonly online: OnlineStore;
  readonly offline: OfflineStore;
  now: number;
}

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function newPlace(online: OnlineStore = new MemoryOnlineStore()): Promise<Place> {
  const path = mkdtempSync(`${tmpdir()}/headrace-pipeline-`);
  const offline = await openOfflineStore({ path, access: 'write', clock: Date.now });
  closing.push(async () => {
    await offline.close();
    rmSync(path, { recursive: true });
  });
  return { log: new MemoryEventLog(), online, offline, now: START };
}

function open(place: Place, declared: typeof project = project): Promise<FeatureStore> {
  return FeatureStore.open({
    ...place,
    project: declared,
    partitions: 3,
    memoryBytes: 2 * 2_000,
    sampleRate: 1,
    retention: { logAgeMs: 1e12, logBytes: 1e12, historyBytes: 1e12 },
    clock: () => place.now,
    onComputeError: (_, error) => {
      throw error;
    },
  });
}

/** Every delivery that the log holds, partition by partition. */
async function logged({ log }: Place): Promise<readonly Delivery[]> {
  const all: Delivery[] = [];
  await readDeliveries(log, clicks, rowCodec(clicks.columns), [0, 0, 0], (_, __, deliveries) =>
    all.push(...deliveries),
  );
  return all;
}

/** Reads every pair of keys now and compares it with a scan of the log. */
async function checkVectors(store: FeatureStore, place: Place): Promise<void> {
  const all = await logged(place);
  for (const [i, user] of USERS.entries()) {
    const page = PAGES[i];
    const { at, values } = await store.read(service, { user, page });
    const wanted = [
      ...naiveAnswers(byUser, acceptedDeliveries(byUser, all), keyOf(byUser, user), at),
      ...naiveAnswers(byPage, acceptedDeliveries(byPage, all), keyOf(byPage, page), at),
    ];
    expect(values).toEqual(wanted);
  }
}

function keyOf(view: typeof byUser | typeof byPage, value: string): string {
  return entityKeyCodec(view.entity.key).encode([value]) ?? '';
}

const anyEvent = fc.record({
  id: fc.integer({ min: 0, max: 60 }).map((n) => `e${n}`),
  age: fc.oneof(fc.integer({ min: 0, max: 29 * MINUTE_MS }), fc.constantFrom(0, 30 * MINUTE_MS, 30 * MINUTE_MS + 1)),
  user: fc.constantFrom(...USERS),
  page: fc.constantFrom(...PAGES),
  ms: fc.integer({ min: -5, max: 5_000 }),
});

const anyStep = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('ingest' as const), events: fc.array(anyEvent, { maxLength: 12 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('read' as const, 'commit' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('flush' as const, 'restart' as const, 'backfill' as const) }),
  },
);

test('whatever is sent, committed, published, restarted and backfilled, vectors are the oracle’s and the audit finds no fault of logic', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(anyStep, fc.integer({ min: 1, max: 40 * MINUTE_MS })), { minLength: 4, maxLength: 14 }),
      async (steps) => {
        const place = await newPlace();
        let store = await open(place);
        // A redelivery may say anything else, but an event keeps its time.
        const times = new Map<string, number>();
        const timeOf = (id: string, at: number): number => {
          const known = times.get(id) ?? at;
          times.set(id, known);
          return known;
        };
        for (const [step, passed] of steps) {
          place.now += passed;
          if (step.do === 'ingest')
            await store.ingest(
              clicks,
              step.events.map(({ age, ...event }) => ({ ...event, at: timeOf(event.id, place.now - age) })),
            );
          else if (step.do === 'commit') await store.commit();
          else if (step.do === 'flush') await store.flush();
          // As after a kill: nothing is closed, what was not committed is read from the log again.
          else if (step.do === 'restart') store = await open(place);
          else if (step.do === 'backfill') for (const view of [byUser, byPage]) await store.backfill(view);
          await checkVectors(store, place);
        }
        const { mismatches } = await store.auditSkew(service, 0, place.now + 1);
        expect(mismatches).toMatchObject({ logic: 0, staleness: 0 });
        const raw = store.deliveries(clicks);
        for await (const [row] of place.offline.query(
          `SELECT COUNT(*), COUNT(DISTINCT (_partition, _offset)) FROM ${raw}`,
        ))
          expect(row).toEqual([BigInt((await logged(place)).length), BigInt((await logged(place)).length)]);
        const accepted = acceptedDeliveries(byUser, await logged(place)).map(({ id }) => id);
        const found: string[] = [];
        for await (const rows of place.offline.query(`SELECT id FROM ${raw} WHERE _verdict = 'accepted'`))
          found.push(...rows.map(([id]) => String(id)));
        expect(found.sort(compareText)).toEqual(accepted.sort(compareText));
      },
    ),
    { numRuns: 6, endOnFailure: true },
  );
});

const click = (id: string, at: number) => ({ id, at, user: 'ann', page: '/', ms: 1 });

async function audit(place: Place): Promise<Readonly<Record<string, number>>> {
  return (await (await open(place)).auditSkew(service, 0, place.now + 1)).mismatches;
}

test('events that come after a vector was served are put under lateness', async () => {
  const place = await newPlace();
  const store = await open(place);
  await store.ingest(clicks, [click('a', START - MINUTE_MS)]);
  await store.read(service, { user: 'ann', page: '/' });
  place.now += MINUTE_MS;
  await store.ingest(clicks, [click('b', START - 2 * MINUTE_MS)]);
  await store.close();
  const { lateness, staleness, logic } = await audit(place);
  expect({ lateness: lateness > 0, staleness, logic }).toEqual({ lateness: true, staleness: 0, logic: 0 });
});

test('an event that comes at the instant of a vector, which was served a millisecond before it, is put under lateness', async () => {
  const place = await newPlace();
  const store = await open(place);
  // During a tile, an event of the clock's own millisecond: what is served next is as of the one after it.
  place.now = START + 1_000;
  await store.ingest(clicks, [click('a', place.now)]);
  const { at } = await store.read(service, { user: 'ann', page: '/' });
  expect(at).toBe(place.now + 1);
  place.now = at;
  await store.ingest(clicks, [click('b', START - MINUTE_MS)]);
  await store.close();
  const { lateness, staleness, logic } = await audit(place);
  expect({ lateness: lateness > 0, staleness, logic }).toEqual({ lateness: true, staleness: 0, logic: 0 });
});

test('vectors that were served weeks apart are all recomputed', async () => {
  const place = await newPlace();
  const store = await open(place);
  for (const id of ['a', 'b', 'c']) {
    await store.ingest(clicks, [click(id, place.now - MINUTE_MS)]);
    await store.read(service, { user: 'ann', page: '/' });
    place.now += 9 * 86_400_000;
  }
  expect(await store.auditSkew(service, 0, place.now)).toMatchObject({
    vectors: 3,
    mismatches: { logic: 0, lateness: 0 },
  });
  expect(await store.auditSkew(service, START + 1, place.now)).toMatchObject({ vectors: 2 });
});

/** Takes the position of a commit and loses its tiles. */
class LosingStore extends MemoryOnlineStore {
  override writeTiles(commit: TileCommit): TileReport {
    return super.writeTiles({ ...commit, tiles: [] });
  }
}

test('events that had come and are not in what was served are put under staleness', async () => {
  const place = await newPlace(new LosingStore());
  const store = await open(place);
  await store.ingest(clicks, [click('a', START - MINUTE_MS)]);
  await store.flush();
  place.now += MINUTE_MS;
  const again = await open(place);
  await again.read(service, { user: 'ann', page: '/' });
  await again.close();
  const { lateness, staleness, logic } = await audit(place);
  expect({ lateness, staleness: staleness > 0, logic }).toEqual({ lateness: 0, staleness: true, logic: 0 });
});

test('a wrong window is put under logic', async () => {
  const place = await newPlace();
  const wrong = { ...byUser, features: byUser.features.map((one) => ({ ...one, windowMs: 3 * 60 * MINUTE_MS })) };
  const [u, p] = service.lookups;
  const other = { ...service, lookups: [{ ...u, view: wrong }, p] };
  const store = await open(place, { ...project, views: [wrong, byPage], services: [other] });
  await store.ingest(clicks, [click('a', START - MINUTE_MS)]);
  place.now += 2 * 60 * MINUTE_MS;
  await store.read(service, { user: 'ann', page: '/' });
  await store.close();
  const { logic } = await audit(place);
  expect(logic).toBeGreaterThan(0);
});

test('a topic holds every delivery once', async () => {
  const place = await newPlace();
  const store = await open(place);
  await store.ingest(clicks, [click('a', START), click('a', START)]);
  const ends = await place.log.ends(topicOf(clicks));
  expect(ends.reduce((sum, { end }) => sum + end, 0)).toBe(2);
  expect(store.counters(clicks).admission).toMatchObject({ accepted: 1, duplicate: 1 });
});
