import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import type { MaybePromise } from '../../src/base/maybe-promise.ts';
import type { LateChoice, OnDemandViewData } from '../../src/features/define/declaration.ts';
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
  sql,
  streamView,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { degradedBatch } from '../../src/featurestore/batch/batch-part.ts';
import { FeatureStore } from '../../src/featurestore/feature-store.ts';
import { guardCompute, isSlow } from '../../src/featurestore/online/compute-guard.ts';
import type { BatchAnswer, BatchRead } from '../../src/ports/online-store.ts';
import { MemoryEventLog } from '../memory/event-log.ts';
import { MemoryOnlineStore } from '../memory/online-store.ts';

const HOUR_MS = 3_600_000;
const START = Date.UTC(2026, 0, 1);

const clicks = eventSource('clicks', { id: 'id', time: 'at', columns: { id: text(), at: time(), user: text() } });
const user = entity('user', { user: text() });

const byUser = streamView('by_user', {
  source: clicks,
  entity: user,
  key: { user: 'user' },
  windows: ['1h'],
  freshness: '1s',
  features: () => ({ clicks: count() }),
});

const BUDGET_MS = 20;

/** The memory store, whose batch values may come later or never, as those of a remote one. */
class SlowStore extends MemoryOnlineStore {
  answers: 'at once' | 'later' | 'never' = 'at once';

  override readBatch(reads: readonly BatchRead[]): readonly (BatchAnswer | null)[] {
    const answers = super.readBatch(reads);
    if (this.answers === 'at once') return answers;
    const later: MaybePromise<readonly (BatchAnswer | null)[]> =
      this.answers === 'later' ? Promise.resolve(answers) : new Promise(() => undefined);
    return later as unknown as readonly (BatchAnswer | null)[];
  }
}

// Budgets run on a clock that only the test moves.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** What comes of a read when the budget is over; it is still open one millisecond before. */
async function afterBudget<T>(read: MaybePromise<T>): Promise<T> {
  let isOpen = true;
  const settled = Promise.resolve(read).finally(() => {
    isOpen = false;
  });
  settled.catch(() => undefined);
  await vi.advanceTimersByTimeAsync(BUDGET_MS - 1);
  expect(isOpen).toBe(true);
  await vi.advanceTimersByTimeAsync(1);
  return settled;
}

async function open(
  otherwise: LateChoice,
  statement = sql`SELECT 'ann' AS "user", 7 AS n`,
  run: 'once' | 'none' = 'once',
) {
  const totals = batchView('totals', {
    entity: user,
    schedule: '0 * * * *',
    freshness: '2h',
    latency: { within: `${BUDGET_MS}ms`, otherwise },
    reads: { clicks },
    features: { n: int() },
    sql: () => statement,
  });
  const service = featureService('clicker', {
    request: { user: text() },
    p99: '5ms',
    join: (r) => ({ live: lookup(byUser, { user: r.user }), totals: lookup(totals, { user: r.user }) }),
  });
  const path = mkdtempSync(join(tmpdir(), 'headrace-budgets-'));
  const offline = await openOfflineStore({ path, access: 'write', clock: Date.now });
  onTestFinished(async () => {
    await offline.close();
    rmSync(path, { recursive: true, force: true });
  });
  const place = { now: START, online: new SlowStore() };
  const store = await FeatureStore.open({
    project: defineProject('site', { service }),
    log: new MemoryEventLog(),
    online: place.online,
    offline,
    partitions: 1,
    memoryBytes: 1_000 * 2_000,
    sampleRate: 0,
    retention: { logAgeMs: 1e12, logBytes: 1e12, historyBytes: 1e12 },
    clock: () => place.now,
    onComputeError: (_, error) => {
      throw error;
    },
  });
  if (run === 'none') return { place, store, service, totals };
  await store.backfill(totals);
  await store.ingest(clicks, [{ id: 'c1', at: START - 1, user: 'ann' }]);
  return { place, store, service, totals };
}

const late = ({ measures }: FeatureStore) => measures.views.get('totals@1')?.late;

test('a batch view that has not run is no answer: the vector is not complete, and says so until the first run', async () => {
  const { store, service, totals } = await open('null', undefined, 'none');
  expect(await store.vector(service, { user: 'ann' })).toMatchObject({
    complete: false,
    features: { totals_n: null },
    missing: { totals_n: 'noRun' },
  });
  await store.backfill(totals);
  expect(await store.vector(service, { user: 'ann' })).toMatchObject({ complete: true, features: { totals_n: 7 } });
});

test('a view beyond its latency budget is null where that is declared, and the rest of the vector is answered', async () => {
  const { place, store, service } = await open('null');
  expect(await store.vector(service, { user: 'ann' })).toMatchObject({ complete: true, features: { totals_n: 7 } });
  place.online.answers = 'never';
  expect(await afterBudget(store.vector(service, { user: 'ann' }))).toMatchObject({
    complete: false,
    features: { live_clicks_1h: 1, totals_n: null },
    missing: { totals_n: 'slow' },
  });
  expect(late(store)).toEqual({ fail: 0, null: 1, lastKnown: 0 });
  expect(store.measures.services.get('clicker')?.missing.slow).toBe(1);
});

test('a view beyond its latency budget fails the read where that is declared', async () => {
  const { place, store, service } = await open('fail');
  place.online.answers = 'never';
  await expect(afterBudget(store.vector(service, { user: 'ann' }))).rejects.toThrow(
    expect.objectContaining({ code: 'REQUEST_LATENCY', status: 503, retry: 'later' }),
  );
  expect(late(store)).toEqual({ fail: 1, null: 0, lastKnown: 0 });
});

test('a view beyond its latency budget answers what it had last, at its true age, and null where it had nothing', async () => {
  const { place, store, service } = await open('lastKnown');
  place.online.answers = 'later';
  await store.vector(service, { user: 'ann' });
  place.online.answers = 'never';
  place.now += 3 * HOUR_MS;
  expect(await afterBudget(store.vector(service, { user: 'ann' }))).toMatchObject({
    complete: true,
    features: { totals_n: 7 },
    stale: ['totals'],
    ages: { batch: 3 * HOUR_MS },
  });
  expect(await afterBudget(store.vector(service, { user: 'bob' }))).toMatchObject({ missing: { totals_n: 'slow' } });
  expect(late(store)).toEqual({ fail: 0, null: 0, lastKnown: 2 });
});

test('a value older than the freshness budget is marked and counted', async () => {
  const { place, store, service } = await open('null');
  expect(await store.vector(service, { user: 'ann' })).toMatchObject({ stale: [] });
  place.now += 2 * HOUR_MS + 1;
  expect(await store.vector(service, { user: 'ann' })).toMatchObject({ stale: ['totals'], features: { totals_n: 7 } });
  expect(store.measures.views.get('totals@1')?.stale).toBe(1);
});

test('a run that fails or does not come is reported, the previous generation is served, and a good run serves again', async () => {
  const { place, store, service, totals } = await open(
    'null',
    sql`SELECT CASE WHEN COUNT(*) > 1 THEN error('too much') ELSE 'ann' END AS "user", 7 AS n FROM ${{ kind: 'sqlReference', text: '{{source:clicks}}' }}`,
  );
  expect(store.facts.batchHealth()).toMatchObject([
    { generation: 1, succeeded: 1, failed: 0, overdueSince: null, failure: null },
  ]);
  place.now += HOUR_MS + 59_999;
  expect(store.facts.batchHealth()[0]?.overdueSince).toBeNull();
  place.now += 1;
  expect(store.facts.batchHealth()[0]?.overdueSince).toBe(START + HOUR_MS);
  expect(store.facts.batchHealth().flatMap(degradedBatch)).toEqual([
    expect.stringMatching(/totals@1 was due at .*01:00.*generation 1 is served/),
  ]);
  await store.ingest(clicks, [{ id: 'c2', at: place.now, user: 'ann' }]);
  await expect(store.tick()).rejects.toThrow(/too much/);
  expect(store.facts.batchHealth()).toMatchObject([
    { generation: 1, failed: 1, failure: { reason: expect.stringContaining('too much') } },
  ]);
  expect(store.facts.batchHealth().flatMap(degradedBatch)).toEqual([
    expect.stringMatching(/totals@1 failed at .*too much.*generation 1 is served/),
  ]);
  expect(await store.vector(service, { user: 'ann' })).toMatchObject({ features: { totals_n: 7 } });
  expect(totals.schedule).toBe('0 * * * *');
});

const ratio = (otherwise: 'fail' | 'null', compute: (inputs: { readonly n: number }) => { readonly double: number }) =>
  onDemandView('ratio', {
    inputs: { n: int() },
    features: { double: int() },
    latency: { within: '10ms', otherwise },
    compute,
  });

test('a function beyond its budget is answered and counted; after five in a row it rests, and one good call ends that', () => {
  const state = { now: 0, tookMs: 0, calls: 0 };
  const view: OnDemandViewData = ratio('null', ({ n }) => {
    state.calls += 1;
    state.now += state.tookMs;
    return { double: 2 * n };
  });
  const seen: string[] = [];
  const compute = guardCompute(
    view,
    () => state.now,
    (outcome) => seen.push(outcome),
  );
  const call = () => compute({ n: 2 });
  state.tookMs = 11;
  for (let i = 0; i < 4; i += 1) expect(call()).toEqual({ double: 4 });
  state.tookMs = 10;
  expect(call()).toEqual({ double: 4 });
  state.tookMs = 11;
  for (let i = 0; i < 5; i += 1) expect(call()).toEqual({ double: 4 });
  const calls = state.calls;
  const slow = () => {
    try {
      call();
    } catch (error) {
      return isSlow(error);
    }
    return false;
  };
  expect(slow()).toBe(true);
  expect(state.calls).toBe(calls);
  expect(seen.at(-1)).toBe('rested');
  state.now += 1_001;
  expect(call()).toEqual({ double: 4 });
  // The trial was slow again: twice as long a rest.
  state.now += 1_500;
  expect(slow()).toBe(true);
  state.now += 600;
  state.tookMs = 1;
  expect(call()).toEqual({ double: 4 });
  expect(call()).toEqual({ double: 4 });
});

test('a function that rests fails the read where that is declared, and the reads of others are whole', async () => {
  const slow = ratio('fail', ({ n }) => {
    vi.advanceTimersByTime(20);
    return { double: 2 * n };
  });
  const service = featureService('doubled', {
    request: { user: text(), n: int() },
    join: (r) => ({ live: lookup(byUser, { user: r.user }) }),
    compute: (r) => ({ twice: apply(slow, { n: r.n }) }),
  });
  const path = mkdtempSync(join(tmpdir(), 'headrace-budgets-'));
  const offline = await openOfflineStore({ path, access: 'write', clock: Date.now });
  onTestFinished(async () => {
    await offline.close();
    rmSync(path, { recursive: true, force: true });
  });
  const store = await FeatureStore.open({
    project: defineProject('site', { service }),
    log: new MemoryEventLog(),
    online: new MemoryOnlineStore(),
    offline,
    partitions: 1,
    memoryBytes: 1_000 * 2_000,
    sampleRate: 0,
    retention: { logAgeMs: 1e12, logBytes: 1e12, historyBytes: 1e12 },
    clock: () => START,
    onComputeError: (_, error) => {
      throw error;
    },
  });
  for (let i = 0; i < 5; i += 1)
    expect(store.vector(service, { user: 'ann', n: 3 })).toMatchObject({ features: { twice_double: 6 } });
  expect(() => store.vector(service, { user: 'ann', n: 3 })).toThrow(
    expect.objectContaining({ code: 'REQUEST_LATENCY' }),
  );
  const view = store.measures.views.get('ratio@1');
  expect(view?.late).toEqual({ fail: 1, null: 0, lastKnown: 0 });
  expect(view?.latency.over).toBe(5);
});
