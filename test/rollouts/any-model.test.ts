import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { ask, openWorkerSite, type Site } from '../serving/worker-site.ts';
import {
  type AnySite,
  anySite,
  bare,
  closeSites,
  halfOfCallers,
  type Inferred,
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

afterAll(closeSites);
afterEach(() => vi.restoreAllMocks());

/** Version 1 answers; the others are rolled out one after the other. */
const KINDS = ['good', 'good', 'erring', 'shifted', 'unhurried'] as const satisfies readonly Kind[];
const [GOOD, ERRING, SHIFTED, UNHURRIED] = [2, 3, 4, 5];

/** Each way with one owner: owners differ before a call has its lane, and ways after it. */
const cases = [
  ['a folder of a repository', 'HTTP'],
  ['MLflow', 'gRPC'],
] as const;

/** The version that answers a caller who names none, once the rollout is over. */
async function answering(site: AnySite): Promise<string> {
  return (await ways.HTTP(site, 1)).split(' ')[1] ?? '';
}

/** Ends the soak of a rollout, if it has one. */
async function afterwards(site: AnySite): Promise<string> {
  site.later(120_000);
  await site.headrace.tick();
  await site.headrace.tick();
  return (await state(site)).state;
}

/** The tests of an owner share a site: version 1 answers until the good one is promoted. */
describe.each(cases)('versions of %s, asked by %s', (owner, way) => {
  let site: AnySite;
  beforeAll(async () => {
    site = await anySite(owner, KINDS);
  });

  test('the shadow says how many calls it needs, and scores copies of every request', async () => {
    const plan = {
      ...halfOfCallers,
      shadow: '1h',
      guardrails: { p99: false, scoreShift: false, scoreDistance: false },
    };
    for (let caller = 0; caller < 10; caller += 1) expect(await ways.HTTP(site, caller)).toBe('none 1');
    site.later(10_000);
    // One call a second came: the shadow takes its hour, and half of 120 calls takes 120 seconds.
    expect(await start(site, plan, SHIFTED)).toMatchObject({
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
    await site.ask('/v1/rollouts/plain', { action: 'rollback' });
  });

  test('calls that wait while a rollout ends are all answered by one of its versions', async () => {
    const control = await site.headrace.rolloutOf('plain');
    const by = { by: 'test', reason: 'by hand', plan: halfOfCallers };
    for (const end of ['rollBack', 'promote'] as const) {
      await control.start(UNHURRIED, by);
      const calls = Array.from({ length: 8 }, (_, caller) => ways[caller % 2 === 0 ? 'HTTP' : 'gRPC'](site, caller));
      await new Promise((resolve) => setImmediate(resolve));
      await control[end](by);
      if (end === 'promote') await control.rollBack(by);
      await site.headrace.tick();
      expect((await Promise.all(calls)).filter((got) => !/^(canary|baseline|champion|none) [15]$/.test(got))).toEqual(
        [],
      );
    }
  });

  test('a good one is held, survives a restart, continues and is promoted', async () => {
    await start(site, { ...halfOfCallers, guardrails: { p99: false } }, GOOD);
    const before = await Promise.all(Array.from({ length: 40 }, (_, caller) => ways.HTTP(site, caller)));
    await site.ask('/v1/rollouts/plain', { action: 'hold' });
    await site.headrace.tick();
    site = await reopened(site);
    await site.headrace.tick();
    expect((await state(site)).state).toBe('held');
    expect(await Promise.all(before.map((_, caller) => ways.HTTP(site, caller)))).toEqual(before);
    expect(await ways.HTTP(site, 3, String(GOOD))).toBe(`none ${GOOD}`);
    await site.ask('/v1/rollouts/plain', { action: 'release' });
    const { report, seen } = await rounds(site, ways[way]);
    expect(report).toMatchObject({ state: 'soaking', reason: expect.stringContaining('within every guardrail') });
    for (const lane of [`canary ${GOOD}`, 'baseline 1']) expect([...seen]).toContain(lane);
    expect(await afterwards(site)).toBe('completed');
    expect(await answering(site)).toBe(String(GOOD));
  });

  test.each([
    ['errors', ERRING, { p99: false }, 'errors: '],
    ['other scores', SHIFTED, { p99: false, scoreShift: false }, 'scoreDistance: '],
  ] as const)('one with %s is rolled back', async (_, version, guardrails, reason) => {
    await start(site, { ...halfOfCallers, requests: 400, guardrails }, version);
    const { report, seen } = await rounds(site, ways[way]);
    expect(report).toMatchObject({ state: 'rolledBack', reason: expect.stringContaining(reason) });
    for (const lane of [`canary ${version}`, `baseline ${GOOD}`]) expect([...seen]).toContain(lane);
    expect(await afterwards(site)).toBe('rolledBack');
    expect(await answering(site)).toBe(String(GOOD));
  });

  // The time of a run is seen after the lane: one way is enough.
  test.runIf(way === 'HTTP')('one that is slow is rolled back', async () => {
    // No load of the machine counts: only computing takes time, and fifty times as much, so that a block of 100 ms is soon over.
    vi.spyOn(performance, 'now').mockImplementation(() => 50 * computedMs());
    site = await reopened(site);
    const guardrails = { scoreShift: false, scoreDistance: false };
    await start(site, { ...halfOfCallers, requests: 100_000, guardrails }, UNHURRIED);
    const { report, seen } = await turns(site, ways[way]);
    expect(report).toMatchObject({ state: 'rolledBack', reason: expect.stringContaining('p99: ') });
    for (const lane of [`canary ${UNHURRIED}`, `baseline ${GOOD}`]) expect([...seen]).toContain(lane);
    expect(await afterwards(site)).toBe('rolledBack');
  });

  test('a restart keeps the version that rollouts left', async () => {
    site = await reopened(site);
    expect(await answering(site)).toBe(String(GOOD));
  });

  test('a plan that fits no model without a declaration is refused', async () => {
    const refused = async (body: Readonly<Record<string, unknown>>) => {
      const asked = { action: 'start', version: SHIFTED, ...body };
      const { status, body: answer } = await site.ask('/v1/rollouts/plain', asked);
      return [status, (answer as unknown as { error: { code: string } }).error.code];
    };
    expect(await refused({ plan: { key: 'user' } })).toEqual([400, 'MODEL_ROLLOUT']);
    expect(await refused({ plan: { success: {} } })).toEqual([400, 'MODEL_ROLLOUT']);
    expect(await refused({ plan: { events: { url: 'http://localhost:1' } } })).toEqual([400, 'MODEL_ROLLOUT']);
    expect(await refused({ plan: { steps: [60] } })).toEqual([400, 'MODEL_ROLLOUT']);
    expect(await refused({ plan: { stepps: [6] } })).toEqual([400, 'MODEL_ROLLOUT']);
    expect(await refused({ version: 9 })).toEqual([404, 'REGISTRY_VERSION']);
    expect(await refused({ version: GOOD })).toEqual([409, 'ROLLOUT_CANDIDATE']);
    const unknown = await site.ask('/v1/rollouts/absent', { action: 'start', version: 2 });
    expect(unknown).toMatchObject({ status: 404, body: { error: { code: 'MODEL_UNKNOWN' } } });
  });

  test.runIf(owner === 'a folder of a repository')(
    'callers of an ensemble are among the callers of its members, by the same key',
    async () => {
      const guardrails = { p99: false, scoreShift: false, scoreDistance: false };
      await start(site, { ...halfOfCallers, guardrails }, SHIFTED);
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
    },
  );

  test('nothing failed outside of a call', () => {
    expect(site.faults).toEqual([]);
  });
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
