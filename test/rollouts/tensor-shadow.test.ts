import { afterEach, expect, test } from 'vitest';
import { resolveMonitor } from '../../src/features/define/monitor.ts';
import { judgeMonitor } from '../../src/monitoring/monitor/judge-windows.ts';
import { pairedLosses } from '../../src/playbook/paired-losses.ts';
import { insideOf } from '../../src/running/inside.ts';
import { until } from '../until.ts';
import { inferByGrpc } from './infer-ways.ts';
import { halfAtOnce } from './sold-project.ts';
import { closeServed, numberOf, type Served, START, serve, state } from './sold-server.ts';

afterEach(closeServed);

function infer({ ask }: Served, caller: number, parameters: Readonly<Record<string, unknown>> = {}, rows = 1) {
  return ask('/v2/models/sold/infer', {
    parameters: { headrace_key: `caller ${caller}`, ...parameters },
    inputs: [
      {
        name: 'features',
        datatype: 'FP32',
        shape: [rows, 1],
        data: Array.from({ length: rows }, () => numberOf(caller)),
      },
    ],
  });
}

test('tensor requests are copied to the shadow, over HTTP and gRPC, and both scores are compared', async () => {
  const served = await serve(['good', 'good'], { ...halfAtOnce, shadow: '1h' });
  await served.ask('/v1/rollouts/sold', { action: 'start', version: 2 });
  // The first request starts the load of the candidate.
  await until(
    async () => (await infer(served, 0)).status === 200 && served.headrace.models.findLoaded('sold', '2') !== null,
  );
  // Copies of those requests are scored, and a tick writes what was counted.
  await served.headrace.rollout({ name: 'sold' }).settled();
  await served.headrace.tick();
  const before = (await state(served)).shadow.copies;
  for (let caller = 0; caller < 12; caller += 1) await infer(served, caller);
  await inferByGrpc(served.headrace, 'caller 5');
  await served.headrace.rollout({ name: 'sold' }).settled();
  await served.headrace.tick();
  const { shadow, lanes } = await state(served);
  expect(shadow).toMatchObject({ copies: before + 13, dropped: 0, meanDifference: 0, flips: 0 });
  expect(lanes.shadow.requests).toBe(before + 13);
});

/** Paired losses of champion and shadow over tensor requests: request i comes from caller `of(i)`. */
async function pairsOf(of: (i: number) => number, kind: 'worse' | 'shifted') {
  const served = await serve(['good', kind], { ...halfAtOnce, shadow: '1h' });
  const { headrace } = served;
  await served.ask('/v1/rollouts/sold', { action: 'start', version: 2 });
  await until(async () => (await infer(served, 0)).status === 200 && headrace.models.findLoaded('sold', '2') !== null);
  for (let i = 0; i < 320; i += 16)
    await Promise.all(Array.from({ length: 16 }, (_, j) => infer(served, of(i + j), { headrace_id: `t-${i + j}` })));
  await headrace.rollout({ name: 'sold' }).settled();
  await headrace.ingest(
    headrace.source('came'),
    Array.from({ length: 320 }, (_, i) => ({
      id: `l-${i}`,
      at: START + 1,
      asked: `t-${i}`,
      good: numberOf(of(i)) > 0,
    })),
  );
  await headrace.flush();
  const [rollout] = await insideOf(headrace).stores.rollouts.list('sold');
  const { offline } = insideOf(headrace).stores;
  const model = headrace.model('sold');
  const monitor = resolveMonitor(model, { kind: 'predictionDrift', on: 'shadow' });
  const span = { from: START, to: START + 3_600_000 };
  const { windows } = await judgeMonitor({ model, version: 1, reference: null }, monitor, offline, [span], {
    now: span.to,
  });
  // The worse version is as spread as the good one: only request by request its scores are others.
  expect(windows[0]).toMatchObject({ rows: 320, state: kind === 'worse' ? 'ok' : 'drift' });
  expect(windows[0].reason).toMatch(/the scores of a request differ by 0\.[2-9]/);
  return pairedLosses(model, offline, rollout, span.to);
}

test('both losses of tensor requests are compared, and a caller that comes again counts as one', async () => {
  const apart = await pairsOf((i) => i, 'worse');
  const again = await pairsOf((i) => i % 4, 'shifted');
  const width = (pairs: typeof apart) => (pairs === null ? 0 : pairs.high - pairs.low);
  expect([apart, again]).toMatchObject([
    { requests: 320, labels: 320 },
    { requests: 320, labels: 320 },
  ]);
  expect(apart?.low).toBeGreaterThan(0);
  // Four callers are four values, however often they ask.
  expect(width(again)).toBeGreaterThan(3 * width(apart));
}, 120_000);

test('a tensor request that names its prediction is logged in its lane, and its label judges the cohorts', async () => {
  const rollout = {
    ...halfAtOnce,
    requests: 100,
    guardrails: { p99: false, scoreShift: false, scoreDistance: false },
    success: { metric: 'log_loss', labels: 100 },
  } as const;
  const served = await serve(['good', 'worse'], rollout);
  await served.ask('/v1/rollouts/sold', { action: 'start', version: 2 });
  await until(async () => {
    for (let caller = 0; caller < 8; caller += 1) await infer(served, caller);
    return served.headrace.models.findLoaded('sold', '2') !== null;
  });
  const callers = Array.from({ length: 640 }, (_, i) => i);
  for (let from = 0; from < callers.length; from += 16)
    await Promise.all(callers.slice(from, from + 16).map((i) => infer(served, i, { headrace_id: `t-${i}` })));
  expect(served.headrace.outcomes(served.headrace.model('sold')).counters.predictions).toBe(640);
  served.later(60_000);
  await served.headrace.tick();
  expect(await state(served)).toMatchObject({ state: 'held', reason: expect.stringContaining('inconclusive') });
  const labels = callers.map((i) => ({ id: `l-${i}`, at: START + 30_000, asked: `t-${i}`, good: numberOf(i) > 0 }));
  await served.headrace.ingest(served.headrace.source('came'), labels);
  await served.headrace.rollout({ name: 'sold' }).look({ outcomes: 'again' });
  expect(await state(served)).toMatchObject({ state: 'rolledBack', reason: expect.stringContaining('success') });
});

test('a prediction of several rows, or without an id, is refused where it asks to be logged', async () => {
  const served = await serve(['good'], halfAtOnce);
  const refused = async (parameters: Readonly<Record<string, unknown>>, rows: number) => {
    const { status, body } = await infer(served, 1, parameters, rows);
    return [status, Object(body).error];
  };
  expect(await refused({ headrace_id: 'a' }, 2)).toEqual([400, expect.stringContaining('one row')]);
  expect(await refused({ headrace_id: '' }, 1)).toEqual([400, expect.stringContaining('id')]);
  expect(served.headrace.outcomes(served.headrace.model('sold')).counters.predictions).toBe(0);
});
