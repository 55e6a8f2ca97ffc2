import { afterEach, expect, test, vi } from 'vitest';
import { ask, openWorkerSite, type Site } from '../serving/worker-site.ts';
import {
  type AnySite,
  anySite,
  bare,
  closeSites,
  halfOfCallers,
  type Inferred,
  owners,
  placed,
  reopened,
  rounds,
  start,
  state,
  turns,
  ways,
} from './any-model-site.ts';
import { computedMs } from './computed-ms.ts';
import type { Kind } from './versions.ts';

afterEach(async () => {
  await closeSites();
  vi.restoreAllMocks();
});

interface Ending {
  readonly kind: Kind;
  readonly guardrails: Readonly<Record<string, unknown>>;
  readonly requests: number;
  readonly state: string;
  readonly reason: string;
  readonly after: string;
}

const endings: Readonly<Record<string, Ending>> = {
  'a good one is promoted': {
    kind: 'good',
    guardrails: { p99: false },
    requests: 60,
    state: 'soaking',
    reason: 'within every guardrail',
    after: '2',
  },
  'one with errors is rolled back': {
    kind: 'erring',
    guardrails: { p99: false },
    requests: 400,
    state: 'rolledBack',
    reason: 'errors: ',
    after: '1',
  },
  'one with other scores is rolled back': {
    kind: 'shifted',
    guardrails: { p99: false, scoreShift: false },
    requests: 400,
    state: 'rolledBack',
    reason: 'scoreDistance: ',
    after: '1',
  },
  'one that is slow is rolled back': {
    kind: 'unhurried',
    guardrails: { scoreShift: false, scoreDistance: false },
    requests: 100_000,
    state: 'rolledBack',
    reason: 'p99: ',
    after: '1',
  },
};

/** Each way with one owner: owners differ before a call has its lane, and ways after it. */
const cases = [
  ['a folder of a repository', 'HTTP'],
  ['MLflow', 'gRPC'],
] as const;

/** The version that answers a caller who names none, once the rollout is over. */
async function answering(site: AnySite): Promise<string> {
  return (await ways.HTTP(site, 1)).split(' ')[1] ?? '';
}

test.each(cases.flatMap((of) => Object.keys(endings).map((ending) => [...of, ending] as const)))(
  'a version of %s, asked by %s: %s',
  async (owner, way, ending) => {
    const { kind, guardrails, requests, ...expected } = endings[ending] as Ending;
    // No load of the machine counts: only computing takes time, and fifty times as much, so that a block of 100 ms is soon over.
    if (kind === 'unhurried') vi.spyOn(performance, 'now').mockImplementation(() => 50 * computedMs());
    const site = await anySite(owner, ['good', kind]);
    await start(site, { ...halfOfCallers, requests, guardrails });
    const { report, seen } = await (kind === 'unhurried' ? turns : rounds)(site, ways[way]);
    expect(report).toMatchObject({ state: expected.state, reason: expect.stringContaining(expected.reason) });
    for (const lane of ['canary 2', 'baseline 1']) expect([...seen]).toContain(lane);
    site.later(120_000);
    await site.headrace.tick();
    await site.headrace.tick();
    expect((await state(site)).state).toBe(expected.state === 'soaking' ? 'completed' : 'rolledBack');
    expect(await answering(site)).toBe(expected.after);
    // A restart keeps the version that the rollout left.
    expect(await answering(await reopened(site))).toBe(expected.after);
    expect(site.faults).toEqual([]);
  },
);

test.each(owners)('a rollout of a version of %s is held, survives a restart and continues', async (owner) => {
  const site = await anySite(owner, ['good', 'good']);
  await start(site, { ...halfOfCallers, guardrails: { p99: false } });
  const before = await Promise.all(Array.from({ length: 40 }, (_, caller) => ways.HTTP(site, caller)));
  await site.ask('/v1/rollouts/plain', { action: 'hold' });
  await site.headrace.tick();
  const again = await reopened(site);
  await again.headrace.tick();
  expect((await state(again)).state).toBe('held');
  expect(await Promise.all(before.map((_, caller) => ways.HTTP(again, caller)))).toEqual(before);
  expect(await ways.HTTP(again, 3, '2')).toBe('none 2');
  await again.ask('/v1/rollouts/plain', { action: 'release' });
  expect((await rounds(again, ways.HTTP)).report.state).toBe('soaking');
  await again.ask('/v1/rollouts/plain', { action: 'rollback' });
  expect(await answering(again)).toBe('1');
  expect([...site.faults, ...again.faults]).toEqual([]);
});

test.each(owners)(
  'the shadow of a version of %s says how many calls it needs, and scores copies of every request',
  async (owner) => {
    const site = await anySite(owner, ['good', 'shifted']);
    const plan = {
      ...halfOfCallers,
      shadow: '1h',
      guardrails: { p99: false, scoreShift: false, scoreDistance: false },
    };
    for (let caller = 0; caller < 10; caller += 1) expect(await ways.HTTP(site, caller)).toBe('none 1');
    site.later(10_000);
    // One call a second came: the shadow takes its hour, and half of 120 calls takes 120 seconds.
    expect(await start(site, plan)).toMatchObject({
      needs: {
        steps: [
          { percent: 0, calls: 60, ms: 3_600_000 },
          { percent: 50, calls: 120, ms: 120_000 },
        ],
        labels: null,
        ms: 3_720_000,
      },
    });
    for (let caller = 0; caller < 10; caller += 1) expect(await ways.HTTP(site, caller)).toBe('champion 1');
    await (await site.headrace.rolloutOf('plain')).settled();
    await site.headrace.tick();
    const { shadow, lanes } = await state(site);
    expect(shadow).toMatchObject({ copies: 10, dropped: 0 });
    expect(lanes.shadow.requests).toBe(10);
    expect(shadow.meanDifference).toBeGreaterThan(0.1);
  },
);

test.each(owners)(
  'calls that wait while a rollout of %s ends are all answered by one of its versions',
  async (owner) => {
    const site = await anySite(owner, ['good', 'unhurried']);
    const control = await site.headrace.rolloutOf('plain');
    const by = { by: 'test', reason: 'by hand', plan: halfOfCallers };
    for (const end of ['rollBack', 'promote'] as const) {
      await control.start(2, by);
      const calls = Array.from({ length: 8 }, (_, caller) => ways[caller % 2 === 0 ? 'HTTP' : 'gRPC'](site, caller));
      await new Promise((resolve) => setImmediate(resolve));
      await control[end](by);
      if (end === 'promote') await control.rollBack(by);
      await site.headrace.tick();
      expect((await Promise.all(calls)).filter((got) => !/^(canary|baseline|champion|none) [12]$/.test(got))).toEqual(
        [],
      );
    }
    expect(site.faults).toEqual([]);
  },
);

test('only a plan that fits a model without a declaration is taken', async () => {
  const site = await anySite('MLflow', ['good', 'good']);
  const refused = async (body: Readonly<Record<string, unknown>>) => {
    const { status, body: answer } = await site.ask('/v1/rollouts/plain', { action: 'start', version: 2, ...body });
    return [status, (answer as unknown as { error: { code: string } }).error.code];
  };
  expect(await refused({ plan: { key: 'user' } })).toEqual([400, 'MODEL_ROLLOUT']);
  expect(await refused({ plan: { success: {} } })).toEqual([400, 'MODEL_ROLLOUT']);
  expect(await refused({ plan: { events: { url: 'http://localhost:1' } } })).toEqual([400, 'MODEL_ROLLOUT']);
  expect(await refused({ plan: { steps: [60] } })).toEqual([400, 'MODEL_ROLLOUT']);
  expect(await refused({ plan: { stepps: [6] } })).toEqual([400, 'MODEL_ROLLOUT']);
  expect(await refused({ version: 3 })).toEqual([404, 'REGISTRY_VERSION']);
  expect(await refused({ version: 1 })).toEqual([409, 'ROLLOUT_CANDIDATE']);
  const unknown = await site.ask('/v1/rollouts/absent', { action: 'start', version: 2 });
  expect(unknown).toMatchObject({ status: 404, body: { error: { code: 'MODEL_UNKNOWN' } } });
});

test('every process of a group gives a caller the same cohort, and follows the end of a rollout at once', async () => {
  const prepare = (directory: string) => placed.MLflow(directory, ['good', 'good']);
  const group = await openWorkerSite(bare, prepare, { count: 2, clock: () => 0 });
  const asked = async (site: Site, caller: number): Promise<string> => {
    const inputs = [{ name: 'features', datatype: 'FP32', shape: [1, 1], data: [0.5] }];
    const body = JSON.stringify({ parameters: { headrace_key: `caller ${caller}` }, inputs });
    const got = (await ask(site, '/v2/models/plain/infer', body)).body as unknown as Inferred;
    return `${got.parameters?.headrace_cohort ?? 'none'} ${got.model_version}`;
  };
  const answersOf = (caller: number) =>
    Promise.all([group.writer, ...group.workers].map((site) => asked(site, caller)));
  try {
    const control = await group.headrace.rolloutOf('plain');
    await control.start(2, { by: 'test', reason: 'by hand', plan: halfOfCallers });
    const seen = new Set<string>();
    for (let caller = 0; caller < 12; caller += 1) {
      const answers = new Set(await answersOf(caller));
      expect(answers.size).toBe(1);
      for (const answer of answers) seen.add(answer);
    }
    expect(seen).toEqual(new Set(['canary 2', 'baseline 1']));
    await control.promote({ by: 'test', reason: 'by hand' });
    expect(await answersOf(1)).toEqual(new Array(3).fill('champion 2'));
    await control.rollBack({ by: 'test', reason: 'by hand' });
    expect(await answersOf(1)).toEqual(new Array(3).fill('none 1'));
  } finally {
    await group.close();
  }
  expect(group.faults).toEqual([]);
});

test('callers of an ensemble are among the callers of its members, by the same key', async () => {
  const site = await anySite('a folder of a repository', ['good', 'shifted']);
  await start(site, { ...halfOfCallers, guardrails: { p99: false, scoreShift: false, scoreDistance: false } });
  const scoreOf = async (model: string, caller: number, input: string): Promise<unknown> => {
    const { body } = await site.ask(`/v2/models/${model}/infer`, {
      parameters: { headrace_key: `caller ${caller}` },
      inputs: [{ name: input, datatype: 'FP32', shape: [1, 1], data: [0.5] }],
    });
    return (body as unknown as { outputs: { data: unknown }[] }).outputs[0]?.data;
  };
  const scores = new Set<string>();
  for (let caller = 0; caller < 20; caller += 1) {
    const whole = await scoreOf('whole', caller, 'x');
    expect(whole).toEqual(await scoreOf('plain', caller, 'features'));
    scores.add(String(whole));
  }
  expect(scores.size).toBe(2);
});
