import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import {
  apply,
  batchView,
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  int,
  lookup,
  onDemandView,
  orElse,
  sql,
  streamView,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { rawTable } from '../../src/features/plan/raw-table.ts';
import { servedTable } from '../../src/features/plan/served-table.ts';
import { FeatureStore } from '../../src/featurestore/feature-store.ts';
import { auditSkew } from '../../src/featurestore/skew/audit.ts';
import { ServedPublisher } from '../../src/featurestore/skew/served-publisher.ts';
import { degradedSkew } from '../../src/featurestore/skew/skew-part.ts';
import { SkewSchedule, skewTable } from '../../src/featurestore/skew/skew-schedule.ts';
import type { OfflineChange, OfflineValue } from '../../src/ports/offline-store.ts';
import type { BatchAnswer, BatchRead } from '../../src/ports/online-store.ts';
import { MemoryEventLog } from '../memory/event-log.ts';
import { MemoryOnlineStore } from '../memory/online-store.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const START = Date.UTC(2026, 0, 1);

const clicks = eventSource('clicks', {
  id: 'id',
  time: 'at',
  lateness: '1d',
  columns: { id: text(), at: time(), user: text() },
});
const user = entity('user', { user: text() });
const byUser = streamView('by_user', {
  source: clicks,
  entity: user,
  key: { user: 'user' },
  windows: ['1h'],
  freshness: '1s',
  features: () => ({ clicks: count() }),
});
const totals = batchView('totals', {
  entity: user,
  schedule: '0 0 1 1 *',
  freshness: '30d',
  reads: { clicks },
  features: { n: int() },
  sql: ({ clicks: rows }) => sql`SELECT "user", COUNT(*) AS n FROM ${rows} GROUP BY "user"`,
});

/** What an impure function hangs on. */
const outside = { add: 0 };
const sums = onDemandView('sums', {
  inputs: { a: int(), b: int() },
  features: { sum: int() },
  compute: ({ a, b }) => ({ sum: a + b + outside.add }),
});

function serviceOf(atMost: number) {
  return featureService('clicker', {
    request: { user: text() },
    skew: { schedule: '30 2 * * *', atMost },
    join: (r) => ({ live: lookup(byUser, { user: r.user }), totals: lookup(totals, { user: r.user }) }),
    compute: (_, f) => ({ both: apply(sums, { a: orElse(f.live.clicks_1h, 0), b: orElse(f.totals.n, 0) }) }),
  });
}

async function open(online = new MemoryOnlineStore(), atMost = 0) {
  outside.add = 0;
  const service = serviceOf(atMost);
  const path = mkdtempSync(join(tmpdir(), 'headrace-skew-'));
  const offline = await openOfflineStore({ path, access: 'write', clock: Date.now });
  onTestFinished(async () => {
    await offline.close();
    rmSync(path, { recursive: true, force: true });
  });
  const place = { now: START };
  const onComputeError = (_: unknown, error: unknown) => {
    throw error;
  };
  const store = await FeatureStore.open({
    project: defineProject('site', { service }),
    log: new MemoryEventLog(),
    online,
    offline,
    partitions: 2,
    memoryBytes: 1_000 * 2_000,
    sampleRate: 1,
    retention: { logAgeMs: 1e12, logBytes: 1e12, historyBytes: 1e12 },
    clock: () => place.now,
    onComputeError,
  });
  const audit = async () => (await store.auditSkew(service, 0, place.now + 1)).mismatches;
  return { place, store, service, offline, audit, onComputeError };
}

const click = (id: string, at: number) => ({ id, at, user: 'ann' });

test('what a function of the request gave when served is what it gives over training rows', async () => {
  const { place, store, service, audit } = await open();
  await store.ingest(clicks, [click('a', START - MINUTE_MS)]);
  await store.backfill(totals);
  place.now += MINUTE_MS;
  expect(await store.vector(service, { user: 'ann' })).toMatchObject({ features: { both_sum: 2 } });
  expect(await audit()).toEqual({ lateness: 0, staleness: 0, logic: 0 });
});

test('a function that hangs on anything but its inputs is put under logic', async () => {
  const { store, service, audit } = await open();
  outside.add = 1;
  await store.vector(service, { user: 'ann' });
  outside.add = 0;
  expect(await audit()).toEqual({ lateness: 0, staleness: 0, logic: 1 });
});

/** Remembers the first answer for a key, as a cache that never learns of a new generation. */
class StaleCache extends MemoryOnlineStore {
  readonly #held = new Map<string, BatchAnswer | null>();

  override readBatch(reads: readonly BatchRead[]): readonly (BatchAnswer | null)[] {
    return reads.map((read) => {
      if (read.key === '') return super.readBatch([read])[0];
      const held = this.#held.get(read.key) ?? super.readBatch([read])[0];
      this.#held.set(read.key, held);
      return held;
    });
  }
}

test('a cache that serves the previous generation is put under staleness, and what is computed from it too', async () => {
  const { place, store, service, audit } = await open(new StaleCache());
  await store.ingest(clicks, [click('a', START - MINUTE_MS)]);
  await store.backfill(totals);
  place.now += MINUTE_MS;
  await store.vector(service, { user: 'ann' });
  place.now += MINUTE_MS;
  await store.ingest(clicks, [click('b', place.now)]);
  await store.backfill(totals);
  place.now += MINUTE_MS;
  expect(await store.vector(service, { user: 'ann' })).toMatchObject({ features: { totals_n: 1 } });
  expect(await audit()).toEqual({ lateness: 0, staleness: 2, logic: 0 });
});

/** Answers a value that no generation ever had. */
class WrongStore extends MemoryOnlineStore {
  override readBatch(reads: readonly BatchRead[]): readonly (BatchAnswer | null)[] {
    return super.readBatch(reads).map((answer) => answer && { ...answer, values: answer.values && [77] });
  }
}

test('a batch value that no generation had is put under logic', async () => {
  const { place, store, service, audit } = await open(new WrongStore());
  for (const id of ['a', 'b']) {
    await store.ingest(clicks, [click(id, place.now)]);
    await store.backfill(totals);
    place.now += MINUTE_MS;
  }
  await store.vector(service, { user: 'ann' });
  expect(await audit()).toEqual({ lateness: 0, staleness: 0, logic: 2 });
});

test('an event that was served and is lost from the history is put under logic', async () => {
  const { place, store, service, offline, audit } = await open();
  await store.ingest(clicks, [click('a', START - 2), click('b', START - 1)]);
  place.now += 1;
  await store.vector(service, { user: 'ann' });
  await store.flush();
  const table = rawTable(clicks);
  const kept: (readonly OfflineValue[])[] = [];
  for await (const rows of offline.query(`SELECT * FROM ${offline.relation(table)} AS t WHERE id = 'a'`))
    kept.push(...rows);
  const columns = Object.keys(table.columns).map((_, c) => kept.map((row) => row[c]));
  await offline.publish({ writer: 'thief', position: {}, mode: 'replace', tables: [{ table, rows: 1, columns }] });
  const { logic } = await audit();
  expect(logic).toBe(2);
});

test('a vector that has an event of the moment in which it was read, and lacks a later one, is put under lateness', async () => {
  const { place, store, service, audit } = await open();
  const asked = START + 1;
  await store.ingest(clicks, [click('a', START - 4_000)]);
  place.now = asked + 10;
  await store.ingest(clicks, [click('b', START - 3_000)]);
  expect((await store.vector(service, { user: 'ann' }, asked)).features).toMatchObject({ live_clicks_1h: 2 });
  place.now = asked + 20;
  await store.ingest(clicks, [click('c', START - 2_000)]);
  await store.flush();
  expect(await audit()).toEqual({ lateness: 2, staleness: 0, logic: 0 });
});

test('a value that had no answer when it was served, and has one in the history, is counted as missing', async () => {
  const { place, store, service, offline, onComputeError } = await open(new MemoryOnlineStore(), 0.4);
  await store.ingest(clicks, [click('a', START - 2_000), click('b', START - 1_000)]);
  place.now += MINUTE_MS;
  // Between the two: the tile of both cannot answer.
  await store.vector(service, { user: 'ann' }, START - 1_500);
  await store.flush();
  const to = place.now + 1;
  const report = await auditSkew({ service, models: [], offline, from: 0, to, scratch: null, onComputeError });
  expect(report).toMatchObject({ vectors: 1, compared: 1, missing: 1 });
  // The batch view has not run: neither side has an answer.
  expect(report.features.map(({ feature, missing }) => [feature, missing])).toContainEqual(['live_clicks_1h', 1]);
});

test('of more vectors than are to be recomputed a sample is, the same in every pass', async () => {
  const { place, store, service, offline, onComputeError } = await open();
  for (let i = 0; i < 400; i += 1) await store.vector(service, { user: `u${i}` });
  await store.flush();
  const report = await auditSkew({
    service,
    models: [],
    offline,
    from: 0,
    to: place.now + 1,
    scratch: null,
    most: 100,
    onComputeError,
  });
  expect(report.logged).toBe(400);
  expect(report.vectors).toBeGreaterThan(50);
  expect(report.vectors).toBeLessThan(170);
  expect(report.mismatches).toEqual({ lateness: 0, staleness: 0, logic: 0 });
});

test('the audit runs when its schedule comes up, over what was served since the previous one, and its result is kept', async () => {
  const { place, store, service, offline } = await open();
  await store.vector(service, { user: 'ann' });
  place.now = START + 2 * HOUR_MS;
  await store.tick();
  expect(store.facts.skewVerdicts()).toEqual([]);
  place.now = START + 3 * HOUR_MS;
  await store.tick();
  expect(store.facts.skewVerdicts()).toMatchObject([{ met: true, report: { vectors: 1, compared: 2 } }]);
  await store.tick();
  place.now = START + 27 * HOUR_MS;
  await store.tick();
  expect(store.facts.skewVerdicts()).toMatchObject([{ met: true, report: { vectors: 0 } }]);
  const rows: unknown[] = [];
  for await (const some of offline.query(
    `SELECT span_from, vectors, met FROM ${offline.relation(skewTable)} AS t ORDER BY "at"`,
  ))
    rows.push(...some);
  expect(rows).toEqual([
    [BigInt(START - 24 * HOUR_MS), 1n, true],
    [BigInt(START + 3 * HOUR_MS), 0n, true],
  ]);
});

test('a scheduled audit that finds more than is declared is an error, and reported as long as it is the last', async () => {
  const { place, store, service, offline, onComputeError } = await open(new MemoryOnlineStore(), 0.5);
  await store.vector(service, { user: 'ann' });
  place.now += MINUTE_MS;
  await store.ingest(clicks, [click('late', START - MINUTE_MS)]);
  place.now = START + 3 * HOUR_MS;
  await expect(store.tick()).rejects.toMatchObject({ code: 'SKEW_BUDGET', exit: 3 });
  expect(store.facts.skewVerdicts().flatMap(degradedSkew)).toEqual([
    expect.stringContaining('of 2 values lateness 2, staleness 0, logic 0'),
  ]);
  const clock = () => place.now;
  const reopened = await SkewSchedule.open({
    services: [service],
    models: [],
    offline,
    clock,
    scratch: null,
    onComputeError,
  });
  expect(reopened.verdicts().flatMap(degradedSkew), 'over a restart too').toEqual(
    store.facts.skewVerdicts().flatMap(degradedSkew),
  );
  outside.add = 5;
  await store.vector(service, { user: 'ann' });
  outside.add = 0;
  place.now = START + 27 * HOUR_MS;
  await expect(store.tick()).rejects.toMatchObject({ code: 'SKEW_LOGIC', exit: 3 });
  place.now = START + 51 * HOUR_MS;
  await store.tick();
  expect(store.facts.skewVerdicts().flatMap(degradedSkew)).toEqual([]);
});

test('vectors that could not be published are published with the next ones', async () => {
  const published: OfflineChange[] = [];
  let full = true;
  const publisher = new ServedPublisher(
    {
      publish: async (change) => {
        if (full) throw new Error('the disk is full');
        published.push(change);
      },
    },
    16_000_000,
  );
  const rows = (count: number) => ({
    table: servedTable(serviceOf(0)),
    rows: count,
    columns: [new Float64Array(count), new Float64Array(count)],
  });
  await expect(publisher.publish([rows(3)])).rejects.toThrow('full');
  await expect(publisher.publish([rows(900_000)])).rejects.toThrow('full');
  await expect(publisher.publish([rows(900_000)])).rejects.toThrow('full');
  expect(publisher.lost).toBe(900_003);
  full = false;
  await publisher.publish([rows(1)]);
  expect(published.map(({ tables }) => tables[0].rows)).toEqual([900_000, 1]);
});
