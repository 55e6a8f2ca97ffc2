import { expect, test } from 'vitest';
import { call, type RegistrySite, registrySite } from './registry-site.ts';

async function withRun(site: RegistrySite): Promise<string> {
  const { json } = await call(site, 'POST', '/mlflow/runs/create', { experiment_id: '0', start_time: 1 });
  return (json as { run: { info: { run_id: string } } }).run.info.run_id;
}

async function dataOf(site: RegistrySite, run: string) {
  const { json } = await call(site, 'GET', `/mlflow/runs/get?run_id=${run}`);
  return (json as { run: { data: Record<string, { key: string; value: unknown }[]> } }).run.data;
}

test.each(['größe', '学习率', 'ключ', 'दर', 'a_b-c. d/e:f'])('keys may have letters of any script: %s', async (key) => {
  const site = await registrySite('memory');
  const run = await withRun(site);
  const batch = {
    run_id: run,
    metrics: [{ key, value: 1, timestamp: 1, step: 0 }],
    params: [{ key, value: '1' }],
    tags: [{ key, value: '1' }],
  };
  expect(await call(site, 'POST', '/mlflow/runs/log-batch', batch)).toMatchObject({ status: 200 });
  const { metrics, params, tags } = await dataOf(site, run);
  for (const list of [metrics, params, tags]) expect(list.map((one) => one.key)).toContain(key);
  const search = { experiment_ids: ['0'], filter: `params.\`${key}\` = '1' AND metrics.\`${key}\` = 1` };
  expect(await call(site, 'POST', '/mlflow/runs/search', search)).toMatchObject({ json: { runs: [{}] } });
});

test.each(['precision@5', 'a%b', '../a', '/a', 'a//b', ''])('the key %j is refused', async (key) => {
  const site = await registrySite('memory');
  const metric = { run_id: await withRun(site), key, value: 1, timestamp: 1, step: 0 };
  expect(await call(site, 'POST', '/mlflow/runs/log-metric', metric)).toMatchObject({ status: 400 });
});

test('an alias may have letters of any script', async () => {
  const site = await registrySite('memory');
  await call(site, 'POST', '/mlflow/registered-models/create', { name: 'm' });
  await call(site, 'POST', '/mlflow/model-versions/create', { name: 'm', source: 'mlflow-artifacts:/1/a' });
  const alias = { name: 'm', alias: 'größter', version: '1' };
  expect(await call(site, 'POST', '/mlflow/registered-models/alias', alias)).toMatchObject({ status: 200 });
  const got = await call(site, 'GET', `/mlflow/registered-models/alias?name=m&alias=${encodeURIComponent('größter')}`);
  expect(got).toMatchObject({ status: 200, json: { model_version: { aliases: ['größter'] } } });
});

test('longer values of params and tags are cut, between characters, and the same value again is the same', async () => {
  const site = await registrySite('memory');
  const run = await withRun(site);
  const [param, tag] = ['😀'.repeat(6_001), 'x'.repeat(8_001)];
  for (let again = 0; again < 2; again += 1)
    for (const [path, value] of [
      ['log-parameter', param],
      ['set-tag', tag],
    ])
      expect(await call(site, 'POST', `/mlflow/runs/${path}`, { run_id: run, key: 'k', value }), path).toMatchObject({
        status: 200,
      });
  const { params, tags } = await dataOf(site, run);
  expect(params).toEqual([{ key: 'k', value: '😀'.repeat(6_000) }]);
  expect(tags).toContainEqual({ key: 'k', value: 'x'.repeat(8_000) });
  const on = { experiment_id: '0', key: 'k', value: 'y'.repeat(5_001) };
  expect(await call(site, 'POST', '/mlflow/experiments/set-experiment-tag', on)).toMatchObject({ status: 200 });
});

test.each([
  ['/mlflow/experiments/create', { name: 1 }],
  ['/mlflow/experiments/create', { name: ' ' }],
  ['/mlflow/experiments/create', { name: 'e', artifact_location: 'mlflow-artifacts:/a#b' }],
  ['/mlflow/experiments/create', { name: 'e', artifact_location: `mlflow-artifacts:/${'a'.repeat(2_048)}` }],
  ['/mlflow/experiments/update', { experiment_id: '0' }],
  ['/mlflow/registered-models/create', { name: ' ' }],
  ['/mlflow/runs/search', { experiment_ids: [0] }],
])('%s %j is 400, with the name of the parameter', async (path, body) => {
  const site = await registrySite('memory');
  const { status, json } = await call(site, 'POST', path, body);
  expect(status).toBe(400);
  expect((json as { message: string }).message).toMatch(/'(name|new_name|artifact_location|experiment_ids)'/);
});

test('a param of a logged model keeps its first value, and none is there twice', async () => {
  const site = await registrySite('memory');
  const twice = [
    { key: 'p', value: '1' },
    { key: 'p', value: '2' },
  ];
  const make = (params: readonly object[]) =>
    call(site, 'POST', '/mlflow/logged-models', { experiment_id: '0', name: 'l', params });
  expect(await make(twice)).toMatchObject({ status: 400 });
  const { json } = await make(twice.slice(0, 1));
  const id = (json as { model: { info: { model_id: string } } }).model.info.model_id;
  const set = (key: string, value: string) =>
    call(site, 'POST', `/mlflow/logged-models/${id}/params`, { params: [{ key, value }] });
  expect([(await set('p', '1')).status, (await set('q', '2')).status]).toEqual([200, 200]);
  expect(await set('p', '2')).toMatchObject({ status: 400, json: { message: expect.stringContaining('"p"') } });
  expect(await call(site, 'GET', `/mlflow/logged-models/${id}`)).toMatchObject({
    json: {
      model: {
        data: {
          params: [
            { key: 'p', value: '1' },
            { key: 'q', value: '2' },
          ],
        },
      },
    },
  });
});

test('the token of a page of logged models belongs to its search', async () => {
  const site = await registrySite('memory');
  for (const name of ['a', 'b']) await call(site, 'POST', '/mlflow/logged-models', { experiment_id: '0', name });
  const search = (fields: object) =>
    call(site, 'POST', '/mlflow/logged-models/search', { experiment_ids: ['0'], max_results: 1, ...fields });
  const { json } = await search({});
  const page_token = (json as { next_page_token: string }).next_page_token;
  expect(await search({ page_token })).toMatchObject({ status: 200, json: { models: [{ info: { name: 'a' } }] } });
  expect(await search({ page_token, max_results: 2 })).toMatchObject({ status: 200 });
  expect(await search({ page_token, filter: "name = 'a'" })).toMatchObject({ status: 400 });
  expect(await search({ page_token, experiment_ids: ['0', '1'] })).toMatchObject({ status: 400 });
});

test('a folder of a logged model is listed with its root', async () => {
  const site = await registrySite('memory');
  const made = await call(site, 'POST', '/mlflow/logged-models', { experiment_id: '0', name: 'a' });
  const { model_id, artifact_uri } = (made.json as { model: { info: { model_id: string; artifact_uri: string } } })
    .model.info;
  expect(await call(site, 'GET', `/mlflow/logged-models/${model_id}/artifacts/directories`)).toMatchObject({
    json: { root_uri: artifact_uri },
  });
});
