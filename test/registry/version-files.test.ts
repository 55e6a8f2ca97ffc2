import { expect, test } from 'vitest';
import { collectGarbage } from '../../src/registry/collect-garbage.ts';
import { call, type RegistrySite, registrySite } from './registry-site.ts';

const TREE = '/api/2.0/mlflow-artifacts/artifacts';

async function put(site: RegistrySite, path: string, body: string): Promise<number> {
  return (await fetch(`${site.url}${TREE}/${path}`, { method: 'PUT', body })).status;
}

/** A model with one version of two files. */
async function registered(site: RegistrySite): Promise<void> {
  await put(site, '1/a/MLmodel', 'flavors:');
  await put(site, '1/a/data/model.pkl', 'first');
  await call(site, 'POST', '/mlflow/registered-models/create', { name: 'dev: ü' });
  const made = { name: 'dev: ü', source: 'mlflow-artifacts:/1/a', tags: [{ key: 't', value: '1' }] };
  await call(site, 'POST', '/mlflow/registered-models/create', { name: 'dev' });
  await call(site, 'POST', '/mlflow/model-versions/create', { ...made, name: 'dev' });
}

/** The folder of a version, as a client downloads it: address, then listing, then each file. */
async function downloaded(site: RegistrySite, name: string, version: number): Promise<Record<string, string>> {
  const { json } = await call(site, 'GET', `/mlflow/model-versions/get-download-uri?name=${name}&version=${version}`);
  const root = (json as { artifact_uri: string }).artifact_uri.replace('mlflow-artifacts:/', '');
  const found: Record<string, string> = {};
  const walk = async (folder: string): Promise<void> => {
    const listing = await fetch(`${site.url}${TREE}?path=${encodeURIComponent(folder)}`);
    const { files = [] } = (await listing.json()) as { files?: { path: string; is_dir: boolean }[] };
    for (const { path, is_dir } of files)
      if (is_dir) await walk(`${folder}/${path}`);
      else
        found[`${folder}/${path}`.slice(root.length + 1)] = await (
          await fetch(`${site.url}${TREE}/${folder}/${path}`)
        ).text();
  };
  await walk(root);
  return found;
}

const FILES = { MLmodel: 'flavors:', 'data/model.pkl': 'first' };

test('a version that copies another has its files, run and tags, whatever becomes of the other', async () => {
  const site = await registrySite('memory');
  await registered(site);
  await call(site, 'POST', '/mlflow/registered-models/create', { name: 'prod' });
  await call(site, 'POST', '/mlflow/registered-models/alias', { name: 'dev', alias: 'best', version: '1' });
  for (const source of ['models:/dev/1', 'models:/dev@best'])
    expect(await call(site, 'POST', '/mlflow/model-versions/create', { name: 'prod', source })).toMatchObject({
      status: 200,
    });
  const [first, second] = [await site.registry.versionRecord('prod', 1), await site.registry.versionRecord('prod', 2)];
  expect(first?.digest).toBe((await site.registry.versionRecord('dev', 1))?.digest);
  expect(second?.files).toEqual(first?.files);

  await call(site, 'DELETE', '/mlflow/registered-models/delete', { name: 'dev' });
  await fetch(`${site.url}${TREE}/1/a`, { method: 'DELETE' });
  await collectGarbage(site, Date.now() + 10 * 86_400_000);
  expect(await downloaded(site, 'prod', 1)).toEqual(FILES);
});

test.each(['models:/none/1', 'models:/dev/7', 'models:/dev@none', 'models:/dev/Staging'])(
  'a copy of %s, which is absent, is 404',
  async (source) => {
    const site = await registrySite('memory');
    await registered(site);
    const answer = await call(site, 'POST', '/mlflow/model-versions/create', { name: 'dev', source });
    expect(answer).toMatchObject({ status: 404, json: { error_code: 'RESOURCE_DOES_NOT_EXIST' } });
  },
);

test('a client downloads the files that a version was registered with, also after others came under their paths', async () => {
  const site = await registrySite('memory');
  await registered(site);
  const address = '/mlflow/model-versions/get-download-uri?name=dev&version=1';
  expect(await call(site, 'GET', address)).toMatchObject({ json: { artifact_uri: 'mlflow-artifacts:/1/a' } });
  expect(await downloaded(site, 'dev', 1)).toEqual(FILES);
  await put(site, '1/a/data/model.pkl', 'second');
  expect(await downloaded(site, 'dev', 1)).toEqual(FILES);
});

test('a version of a training job is downloaded, and a copy of it keeps signature and lineage', async () => {
  const site = await registrySite('memory');
  const bytes = (text: string) => new TextEncoder().encode(text);
  const [artifact, parity] = [await site.artifacts.put(bytes('onnx')), await site.artifacts.put(bytes('rows'))];
  const lineage = {
    declaration: 'd',
    service: 's@1',
    trainingSet: { digest: 't', rows: 1, unlabelled: 0, from: null, to: null, mode: 'full' },
    trainer: {},
  };
  const signature = { features: ['a'], input: 'x', output: 'y' };
  await site.registry.register({ model: 'late', signature, lineage, metrics: {}, artifact, parity, createdAt: 1 });
  expect(await downloaded(site, 'late', 1)).toEqual({ 'model.onnx': 'onnx', parity: 'rows' });

  const copy = { name: 'late-prod', source: 'models:/late/1', tags: [{ key: 'from', value: 'late' }] };
  expect(await call(site, 'POST', '/mlflow/model-versions/create', copy)).toMatchObject({ status: 404 });
  await call(site, 'POST', '/mlflow/registered-models/create', { name: 'late-prod' });
  expect(await call(site, 'POST', '/mlflow/model-versions/create', copy)).toMatchObject({
    json: { model_version: { version: '1', tags: [{ key: 'from', value: 'late' }] } },
  });
  expect(await site.registry.version('late-prod', 1)).toMatchObject({ signature, lineage, artifact, parity });
});

test('nothing is written or removed below the folder of a version', async () => {
  const site = await registrySite('memory');
  await registered(site);
  const folder = `headrace-versions/${Buffer.from('dev').toString('base64url')}/1`;
  expect(await put(site, `${folder}/MLmodel`, 'x')).toBe(400);
  expect((await fetch(`${site.url}${TREE}/${folder}`, { method: 'DELETE' })).status).toBe(400);
  const upload = await call(site, 'POST', `/mlflow-artifacts/mpu/create/${folder}`, { path: '/tmp/x', num_parts: 1 });
  expect(upload).toMatchObject({ status: 400 });
  for (const path of [
    `${folder}/none`,
    'headrace-versions',
    'headrace-versions/x/y',
    `headrace-versions/${'0'.repeat(9)}/1/a`,
  ])
    expect((await fetch(`${site.url}${TREE}/${path}`)).status, path).toBe(404);
});
