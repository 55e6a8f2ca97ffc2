import { expect, test } from 'vitest';
import { fail } from '../../src/base/errors/fail.ts';
import type { CallLane, CallLanes } from '../../src/serving/rollout/call-lanes.ts';
import { inferLane, type LaneVersions } from '../../src/serving/rollout/infer-lanes.ts';
import type { InferRequest } from '../../src/versions/request/infer-request.ts';
import { nextMillisecond } from '../until.ts';

const versions = (refuses: boolean): LaneVersions => ({
  tenant: '',
  isOwnRefusal: () => refuses,
  runAs: async () => {
    throw new Error('there is no shadow');
  },
});

test.each([
  ['every version refuses is its caller’s mistake', false, []],
  ['its version alone refuses is an error of it', true, ['error']],
])('a request that %s', async (_, refuses, outcomes) => {
  const counted: string[] = [];
  const count: CallLane['count'] = (outcome) => counted.push(outcome);
  const lane: CallLane = {
    cohort: 'canary',
    rollout: 'r',
    version: 2,
    needed: [1, 2],
    output: 'y',
    count,
    during: (work) => work(),
    shadow: null,
  };
  const request: InferRequest = { model: 'm', version: '', id: 'a', parameters: {}, inputs: [], outputs: null };
  const refused = async () => {
    throw fail('OIP_REQUEST', { reason: 'unexpected shape' });
  };
  const answered = inferLane({ laneOf: () => lane }, request)?.answered(refused, versions(refuses));
  await expect(answered).rejects.toMatchObject({ code: 'OIP_REQUEST' });
  expect(counted).toEqual(outcomes);
});

test('a tensor request that fails counts with the time that it took', async () => {
  const counted: [outcome: string, latencyMs: number][] = [];
  const count: CallLane['count'] = (outcome, latencyMs) => counted.push([outcome, latencyMs]);
  const lane: CallLane = {
    cohort: 'canary',
    rollout: 'r',
    version: 2,
    needed: [1, 2],
    output: 'y',
    count,
    during: (work) => work(),
    shadow: null,
  };
  const lanes: Pick<CallLanes, 'laneOf'> = { laneOf: () => lane };
  const request: InferRequest = { model: 'm', version: '', id: 'a', parameters: {}, inputs: [], outputs: null };
  const answered = inferLane(lanes, request)?.answered(async () => {
    await nextMillisecond();
    throw fail('MODEL_RUN', { model: 'm', reason: 'broken' });
  }, versions(false));
  await expect(answered).rejects.toMatchObject({ code: 'MODEL_RUN' });
  expect(counted).toEqual([['error', expect.any(Number)]]);
  expect(counted[0][1]).toBeGreaterThan(0);
});
