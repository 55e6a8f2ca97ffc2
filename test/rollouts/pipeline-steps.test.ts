import { afterEach, expect, test } from 'vitest';
import { halfAtOnce, offerProject } from './sold-project.ts';
import { closeServed, numberOf, predictionOf, type Served, serve, state } from './sold-server.ts';
import type { Kind } from './versions.ts';

afterEach(closeServed);

/** Asks the pipeline for one caller; whether it was answered. */
type Way = (served: Served, caller: number, id: string) => Promise<boolean>;

const ways: Readonly<Record<string, Way>> = {
  '/v1/predictions': async ({ ask }, caller, id) =>
    (await ask('/v1/predictions/offer', predictionOf(caller, id))).status === 200,
  '/v2/models': async ({ ask }, caller, id) => {
    const input = (name: string, datatype: string, value: unknown) => ({ name, datatype, shape: [1], data: [value] });
    const inputs = [
      input('id', 'BYTES', id),
      input('name', 'BYTES', `caller ${caller}`),
      input('number', 'FP64', numberOf(caller)),
      input('gaps', 'FP64', 0),
      input('category', 'INT64', 1),
    ];
    return (await ask('/v2/models/offer/infer', { inputs })).status === 200;
  },
};

const endings: readonly (readonly [Kind, string, reason: string])[] = [
  ['good', 'soaking', 'within every guardrail'],
  ['erring', 'rolledBack', 'errors: '],
  ['shifted', 'rolledBack', 'score'],
];

const cases = Object.keys(ways).flatMap((way) => endings.map((ending) => [way, ...ending] as const));

test.each(cases)('callers of a pipeline by %s judge a version of its step that is %s: it is %s', async (...of) => {
  const [way, kind, ended, reason] = of;
  const plan = { ...halfAtOnce, requests: 150, guardrails: { p99: false } };
  const served = await serve(['good', kind], plan, offerProject);
  await served.ask('/v1/rollouts/sold', { action: 'start', version: 2 });
  let answered = 0;
  for (let round = 0; round < 40 && (await state(served)).state === 'canary'; round += 1) {
    const calls = Array.from({ length: 32 }, (_, i) => ways[way]?.(served, round * 32 + i, `${round}-${i}`));
    answered += (await Promise.all(calls)).filter(Boolean).length;
    served.later(1_000);
    await served.headrace.tick();
  }
  expect(await state(served)).toMatchObject({ state: ended, reason: expect.stringContaining(reason) });
  expect(answered).toBeGreaterThan(0);
});

test('a pipeline has no rollout of its own version: the refusal names its models', async () => {
  const served = await serve(['good'], halfAtOnce, offerProject);
  const { status, body } = await served.ask('/v1/rollouts/offer', { action: 'start', version: 2 });
  expect([status, body.error?.code]).toEqual([409, 'ROLLOUT_PIPELINE']);
  expect(JSON.stringify(body)).toContain('sold');
});
