import { afterEach, expect, test } from 'vitest';
import { inferByGrpc } from '../rollouts/infer-ways.ts';
import { halfAtOnce } from '../rollouts/sold-project.ts';
import { closeServed, predictionOf, serve } from '../rollouts/sold-server.ts';

afterEach(closeServed);

test('a champion that /v1, /v2, gRPC and a rollout ask for is loaded once and counted once in a server, with one queue', async () => {
  const served = await serve(['good', 'shifted'], halfAtOnce);
  const { headrace, ask } = served;
  const loaded = () => headrace.models.versions().map(({ name, version }) => `${name} ${version}`);
  const inputs = [{ name: 'features', datatype: 'FP32', shape: [1, 1], data: [0.5] }];
  const askAll = async (round: string) => {
    expect((await ask('/v1/predictions/sold', predictionOf(1, `a-${round}`))).status).toBe(200);
    expect((await ask('/v2/models/sold/infer', { inputs })).status).toBe(200);
    expect((await ask('/v2/models/sold/versions/1/infer', { inputs })).status).toBe(200);
    expect(await inferByGrpc(headrace, 'ann')).toMatchObject({ version: expect.any(String) });
  };
  await askAll('before');
  expect(loaded()).toEqual(['sold 1']);
  const [champion] = headrace.models.versions();
  expect(headrace.models.sizeBytes).toBe(champion.sizeBytes);
  expect(champion.statistics.success.count).toBe(4);
  await headrace.rollout({ name: 'sold' }).start(2, { by: 'test', reason: 'by hand' });
  await headrace.tick();
  await askAll('meanwhile');
  expect(loaded()).toEqual(['sold 1', 'sold 2']);
  const [same, candidate] = headrace.models.versions();
  expect(same).toBe(champion);
  expect(headrace.models.sizeBytes).toBe(champion.sizeBytes + candidate.sizeBytes);
  expect(champion.statistics.success.count + candidate.statistics.success.count).toBe(8);
  await headrace.rollout({ name: 'sold' }).rollBack({ by: 'test', reason: 'by hand' });
  await headrace.tick();
  expect((await ask('/v1/predictions/sold', predictionOf(1, 'after'))).body).toMatchObject({ version: 1 });
  expect(headrace.models.versions()[0]).toBe(champion);
  expect(served.faults).toEqual([]);
});
