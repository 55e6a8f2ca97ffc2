import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { compareText } from '../../src/base/text-order.ts';
import type { RolloutOptions } from '../../src/features/define/rollout.ts';
import { predictionTable } from '../../src/serving/online/prediction-table.ts';
import { until } from '../until.ts';
import { computedMs } from './computed-ms.ts';
import { inferByGrpc } from './infer-ways.ts';
import { halfAtOnce } from './sold-project.ts';
import {
  closeServed,
  numberOf,
  predictionOf,
  reopen,
  rounds,
  type Served,
  START,
  serve,
  state,
  traffic,
} from './sold-server.ts';
import type { Kind } from './versions.ts';

afterEach(async () => {
  await closeServed();
  vi.restoreAllMocks();
});

const classes: readonly (readonly [Kind, RolloutOptions<'name'>, string])[] = [
  // A run of it takes much of a processor: fewer of them are enough.
  ['slow', { ...halfAtOnce, requests: 40 }, 'p99'],
  ['erring', halfAtOnce, 'errors'],
  ['nan', halfAtOnce, 'nonFinite'],
  ['shifted', halfAtOnce, 'score'],
];

for (const [kind, rollout, guardrail] of classes) {
  test(`a version that is ${kind} is rolled back on the real server, by the guardrail of its fault`, async () => {
    // The time that runs compute judges it: a good version that waits for a busy machine takes as long as a slow one.
    if (kind === 'slow') vi.spyOn(performance, 'now').mockImplementation(computedMs);
    const served = await serve(['good', kind], rollout);
    const started = await served.ask('/v1/rollouts/sold', { action: 'start', version: 2, reason: 'retrained' });
    expect([started.status, started.body.state, started.body.percent]).toEqual([200, 'canary', 50]);
    const report = await rounds(served, 60, 96);
    expect(report).toMatchObject({ state: 'rolledBack', champion: 1, candidate: 2, percent: 0 });
    expect(report.reason).toContain(guardrail);
    expect(report.events.map(({ kind: event }) => event)).toContain('rolledBack');
    // The audit record has the numbers of the decision.
    expect(JSON.stringify(report.events.at(-1)?.numbers)).toContain('"tripped":true');
    expect([...(await traffic(served, 0, 32, 'after')).keys()]).toEqual(['champion 1']);
    expect((await served.headrace.versions({ ...served.headrace.model('sold') })).champion).toBe(1);
  });
}

test('a version that is subtly worse is rolled back by its labels, when no guardrail sees it', async () => {
  const rollout: RolloutOptions<'name'> = {
    ...halfAtOnce,
    requests: 100,
    guardrails: { p99: false, scoreShift: false, scoreDistance: false },
    success: { metric: 'log_loss', labels: 100 },
  };
  const served = await serve(['good', 'worse'], rollout);
  await served.ask('/v1/rollouts/sold', { action: 'start', version: 2 });
  await traffic(served, 0, 640);
  served.later(60_000);
  await served.headrace.tick();
  // No label yet: it is held at the last step, not promoted.
  expect(await state(served)).toMatchObject({ state: 'held', reason: expect.stringContaining('inconclusive') });
  const labels = Array.from({ length: 640 }, (_, i) => ({
    id: `l-${i}`,
    at: START + 30_000,
    asked: `p-${i}`,
    good: numberOf(i) > 0,
  }));
  await served.headrace.ingest(served.headrace.source('came'), labels);
  await served.headrace.rollout({ name: 'sold' }).look({ outcomes: 'again' });
  const report = await state(served);
  expect(report).toMatchObject({ state: 'rolledBack', reason: expect.stringContaining('success') });
  expect(report.events.map(({ kind }) => kind)).toEqual(['started', 'held', 'rolledBack']);
});

test('a good version goes from the shadow over the steps to champion, and back within its soak', async () => {
  const rollout: RolloutOptions<'name'> = {
    ...halfAtOnce,
    shadow: '1m',
    steps: [10, 50],
    requests: 8,
    guardrails: { p99: false },
  };
  const served = await serve(['good', 'good'], rollout);
  const { headrace, later } = served;
  await served.ask('/v1/rollouts/sold', { action: 'start', version: 2 });
  expect([...(await traffic(served, 0, 64, 's')).keys()]).toEqual(['champion 1']);
  await headrace.rollout({ name: 'sold' }).settled();
  await headrace.tick();
  let report = await state(served);
  expect(report).toMatchObject({
    state: 'shadow',
    percent: 0,
    shadow: { copies: 64, dropped: 0, meanDifference: 0, flips: 0 },
  });
  later(60_000);
  await headrace.tick();
  expect(await state(served)).toMatchObject({ state: 'canary', percent: 10 });
  const first = await traffic(served, 0, 256, 'a');
  expect([...first.keys()].map(String).sort(compareText)).toEqual(['baseline 1', 'canary 2', 'champion 1']);
  later(1_000);
  await headrace.tick();
  expect(await state(served)).toMatchObject({ state: 'canary', percent: 50 });
  await traffic(served, 0, 64, 'b');
  later(1_000);
  await headrace.tick();
  report = await state(served);
  expect(report).toMatchObject({ state: 'soaking', percent: 100 });
  expect([...(await traffic(served, 0, 16, 'c')).keys()]).toEqual(['champion 2']);
  expect((await headrace.versions(headrace.model('sold'))).champion).toBe(2);
  // Rolled back after the promotion: the next answer is of the previous version, which stayed loaded.
  const back = await served.ask('/v1/rollouts/sold', { action: 'rollback', reason: 'a complaint' });
  expect(back.body).toMatchObject({ state: 'rolledBack', reason: 'a complaint' });
  expect([...(await traffic(served, 0, 16, 'd')).keys()]).toEqual(['champion 1']);
  expect((await headrace.versions(headrace.model('sold'))).champion).toBe(1);
  const events = back.body.events?.map(({ kind }) => kind);
  expect(events).toEqual(['started', 'canaried', 'raised', 'promoted', 'rolledBack']);
  expect(served.faults).toEqual([]);
  // The history has every lane.
  await headrace.flush();
  const lanes = new Map<unknown, number>();
  const table = headrace.history.relation(predictionTable({ name: 'sold' }));
  for await (const rows of headrace.history.query(
    `SELECT COALESCE(lane, 'champion'), COUNT(*) FROM ${table} GROUP BY 1`,
  ))
    for (const [lane, count] of rows) lanes.set(lane, Number(count));
  expect(lanes.get('shadow')).toBe(64);
  expect([...lanes.keys()].map(String).sort(compareText)).toEqual(['baseline', 'canary', 'champion', 'shadow']);
  // A shadow answered nobody: it is no prediction that waits for a label.
  expect(headrace.outcomes(headrace.model('sold')).counters.predictions).toBe(64 + 256 + 64 + 16 + 16);
});

test('what cannot be done to a rollout is refused by code', async () => {
  const served = await serve(['good', 'good', 'good'], halfAtOnce);
  const change = async (body: unknown) => {
    const { status, body: answer } = await served.ask('/v1/rollouts/sold', body);
    return `${status} ${answer.error?.code}`;
  };
  expect((await served.ask('/v1/rollouts/sold')).body.error?.code).toBe('ROLLOUT_NONE');
  expect(await change({ action: 'promote' })).toBe('404 ROLLOUT_NONE');
  expect(await change({ action: 'start' })).toBe('400 SERVER_BODY');
  expect(await change({ action: 'grow' })).toBe('400 SERVER_BODY');
  expect(await change({ action: 'start', version: 1 })).toBe('409 ROLLOUT_CANDIDATE');
  expect(await change({ action: 'start', version: 9 })).toBe('404 REGISTRY_VERSION');
  expect(await change({ action: 'start', version: 2 })).toBe('200 undefined');
  expect(await change({ action: 'start', version: 3 })).toBe('409 ROLLOUT_ACTIVE');
  expect(await change({ action: 'release' })).toBe('409 ROLLOUT_STATE');
  expect(await change({ action: 'hold' })).toBe('200 undefined');
  expect(served.headrace.degraded()).toEqual([expect.stringContaining('is held: hold by this machine')]);
  // Someone makes another version champion by hand: the rollout ends, and leaves it.
  await served.headrace.promote(served.headrace.model('sold'), 3);
  await served.headrace.tick();
  expect(await state(served)).toMatchObject({ state: 'rolledBack', reason: 'version 3 is the champion' });
  expect((await served.headrace.versions(served.headrace.model('sold'))).champion).toBe(3);
});

test('a candidate whose file is damaged while it rolls out is reported by a server that starts then, and rolled back', async () => {
  const served = await serve(['good', 'shifted'], halfAtOnce);
  await served.ask('/v1/rollouts/sold', { action: 'start', version: 2 });
  const { versions } = await served.headrace.versions(served.headrace.model('sold'));
  const { artifact } = versions[1];
  const file = join(served.headrace.directory, 'artifacts', artifact.slice(0, 2), artifact);
  chmodSync(file, 0o600);
  writeFileSync(file, 'damaged');
  const again = await reopen(served, halfAtOnce);
  expect(again.headrace.degraded()).toEqual([expect.stringContaining('a version that is not loaded')]);
  // Nobody is refused: the champion answers everybody.
  expect([...(await traffic(again, 0, 16)).keys()]).toEqual(['champion 1']);
  await again.headrace.tick();
  expect(await state(again)).toMatchObject({
    state: 'rolledBack',
    reason: expect.stringContaining('cannot be loaded'),
  });
  expect(again.headrace.degraded()).toEqual([]);
});

test('a rollout continues after a restart, with the same cohorts and what was counted', async () => {
  const served = await serve(['good', 'good'], halfAtOnce);
  await served.ask('/v1/rollouts/sold', { action: 'start', version: 2 });
  const cohortOf = async (one: Served, caller: number, id: string) =>
    (await one.ask('/v1/predictions/sold', predictionOf(caller, id))).body.cohort;
  const before = await Promise.all(Array.from({ length: 24 }, (_, i) => cohortOf(served, i, `a-${i}`)));
  await served.headrace.tick();
  const again = await reopen(served, halfAtOnce);
  const after = await Promise.all(Array.from({ length: 24 }, (_, i) => cohortOf(again, i, `b-${i}`)));
  expect(after).toEqual(before);
  await again.headrace.tick();
  const { lanes } = await state(again);
  expect(lanes.canary.requests + lanes.baseline.requests).toBe(48);
});

test.each([
  ['nan', 'nonFinite'],
  ['erring', 'errors'],
] as const)(
  'requests of the Open Inference Protocol take the lane of their key, and a version that is %s is rolled back by them alone',
  async (kind, guardrail) => {
    const served = await serve(['good', kind], halfAtOnce);
    const infer = async (key: string, number: number) => {
      const inputs = [{ name: 'features', datatype: 'FP32', shape: [1, 1], data: [number] }];
      const { status, body } = await served.ask('/v2/models/sold/infer', {
        id: 'r',
        parameters: { headrace_key: key },
        inputs,
      });
      const { model_version: version, parameters } = body as {
        model_version?: string;
        parameters?: Record<string, string>;
      };
      return { status, version, cohort: parameters?.['headrace_cohort'] };
    };
    expect(await infer('a', 0.5)).toEqual({ status: 200, version: '1', cohort: undefined });
    await served.ask('/v1/rollouts/sold', { action: 'start', version: 2 });
    // The first request of the canary starts the load of its version; the champion answers meanwhile.
    await until(() =>
      Promise.all(Array.from({ length: 16 }, (_, i) => infer(`caller ${i}`, 0.5))).then((all) =>
        all.some(({ version }) => version === '2'),
      ),
    );
    const cohorts = await Promise.all(Array.from({ length: 16 }, (_, i) => infer(`caller ${i}`, 0.5)));
    expect(new Set(cohorts.map(({ version, cohort }) => `${cohort} ${version}`))).toEqual(
      new Set(['canary 2', 'baseline 1']),
    );
    const called = await Promise.all(Array.from({ length: 16 }, (_, i) => inferByGrpc(served.headrace, `caller ${i}`)));
    expect(called).toEqual(cohorts.map(({ version, cohort }) => ({ version, cohort })));
    const again = await Promise.all(Array.from({ length: 16 }, (_, i) => infer(`caller ${i}`, 0.5)));
    expect(again).toEqual(cohorts);
    for (let round = 0; round < 60 && (await state(served)).endedAt === null; round += 1) {
      await Promise.all(Array.from({ length: 32 }, (_, i) => infer(`caller ${round} ${i}`, 1.5)));
      await served.headrace.tick();
    }
    expect(await state(served)).toMatchObject({
      state: 'rolledBack',
      reason: expect.stringContaining(`${guardrail}: `),
    });
    expect(await infer('a', 0.5)).toMatchObject({ status: 200, version: '1' });
  },
);
