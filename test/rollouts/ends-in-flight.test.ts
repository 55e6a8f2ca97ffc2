import { afterEach, expect, test } from 'vitest';
import { halfAtOnce } from './sold-project.ts';
import { closeServed, predictionOf, type Served, serve } from './sold-server.ts';

afterEach(closeServed);

const CALLS = 40;

/** Turns of the event loop between the calls and the end of their rollout. */
const GAPS = [0, 2, 20];

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** The status of a call, and its refusal. */
type Way = (served: Served, caller: number, id: string) => Promise<string>;

const ways: Readonly<Record<string, Way>> = {
  'in process': async ({ headrace }, caller, id) => {
    const { request } = predictionOf(caller, id);
    await headrace.predictMany(headrace.model('sold'), [{ id, request }] as never);
    return 'answered';
  },
  '/v1/predictions': async ({ ask }, caller, id) => {
    const { status, body } = await ask('/v1/predictions/sold', predictionOf(caller, id));
    return status === 200 ? 'answered' : JSON.stringify(body);
  },
  '/v2/models': async ({ ask }, caller, id) => {
    const inputs = [{ name: 'features', datatype: 'FP32', shape: [1, 1], data: [0.5] }];
    const body = { id, inputs, parameters: { headrace_key: `caller ${caller}` } };
    const answer = await ask('/v2/models/sold/infer', body);
    return answer.status === 200 ? 'answered' : JSON.stringify(answer.body);
  },
};

const ends = {
  'rolled back': (served: Served) => served.headrace.rollout({ name: 'sold' }).rollBack(by),
  'promoted and rolled back': async (served: Served) => {
    await served.headrace.rollout({ name: 'sold' }).promote(by);
    await served.headrace.tick();
    await served.headrace.rollout({ name: 'sold' }).rollBack(by);
  },
};

const by = { by: 'test', reason: 'ended by hand' };

const cases = Object.keys(ways).flatMap((way) =>
  Object.keys(ends).map((end) => [way, end as keyof typeof ends] as const),
);

test.each(cases)('%s: calls that wait while their rollout is %s are all answered', async (way, end) => {
  const served = await serve(['good', 'unhurried'], halfAtOnce);
  let [waiting, waited] = [0, false];
  for (const [round, gap] of GAPS.entries()) {
    await served.headrace.rollout({ name: 'sold' }).start(2, by);
    await served.headrace.tick();
    const calls = Array.from({ length: CALLS }, async (_, i) => {
      // Calls come in several turns, so that most of them wait for their lane.
      await turns(i % 3);
      waiting += 1;
      const answer = await ways[way]?.(served, i, `p-${round}-${i}`);
      waiting -= 1;
      return answer;
    });
    await turns(gap);
    waited ||= waiting > 0;
    await ends[end](served);
    await served.headrace.tick();
    expect([...new Set(await Promise.all(calls))]).toEqual(['answered']);
  }
  expect(waited).toBe(true);
  expect(served.faults).toEqual([]);
});
