import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { onnxRuntime } from '../../src/backends/onnx/onnx-runtime.ts';
import { copyVersion } from '../../src/registry/copy-version.ts';
import { versionEntries } from '../../src/registry/version-folder.ts';
import { engineModel } from '../../src/serving/batch/engine-model.ts';
import { ModelServer } from '../../src/serving/online/model-server.ts';
import { LoadedVersions } from '../../src/serving/streaming/loaded-versions.ts';
import { openSqliteRegistry } from '../../src/site/open-registry.ts';
import { loadScored, resolveVersion, scoringDigest } from '../../src/versions/load/scored-version.ts';
import { RegistrySource } from '../../src/versions/source/registry-source.ts';
import { logModel } from '../inference/logged-onnx.ts';
import { MemoryArtifactStore } from '../memory/artifact-store.ts';
import { registeredIn } from '../models/registered.ts';
import { registerSmall, small } from '../models/small-project.ts';
import { call, type RegistrySite, registrySite } from './registry-site.ts';

/** A registry file with version 1 of a training job and version 2 of another program; each has an alias. */
async function sealedSite(): Promise<RegistrySite> {
  const site = await registrySite('sqlite');
  const { registry, artifacts } = site;
  const { artifact, signature } = await registerSmall(registry, artifacts, 1);
  const onnx = new Uint8Array(await artifacts.get(artifact));
  await logModel(registry, artifacts, { model: 'small', onnx, columns: null, tags: [] });
  await registry.tagVersion('small', 2, { key: 'headrace.features', value: signature.features.join(',') }, 1);
  await registry.moveAlias('small', 'champion', { expected: null, to: 1, at: 2 });
  await registry.moveAlias('small', 'challenger', { expected: null, to: 2, at: 2 });
  return site;
}

/** Each way by which a version becomes scores, or leaves the registry. */
function loaders({ registry, artifacts, url }: RegistrySite): Record<string, (version: number) => Promise<unknown>> {
  const tools = { artifacts, python: null, runtime: onnxRuntime };
  const opened = async () => ({ ...tools, close: async () => undefined });
  const registered = registeredIn({ registry, artifacts, runtime: onnxRuntime });
  const server = () => new ModelServer({ model: small, registry, artifacts, registered });
  return {
    'a server or its worker': async (version) => (await server().hold(version)).release(),
    'the check before a promotion': (version) => server().check(version),
    'the gate of a playbook': async (version) => {
      const record = await registered.prepared('small', version);
      await (await registered.holdPatiently(record, 'playbook')).close();
    },
    'the open inference protocol': async (version) =>
      (await new RegistrySource({ ...tools, registry }).find('small'))?.open(String(version), ''),
    'a batch job': async (version) =>
      (
        await loadScored(await resolveVersion({ model: 'small', version }, null, { ...tools, registry }), tools)
      ).close(),
    'an export to Spark': async (version) =>
      engineModel(await resolveVersion({ model: 'small', version }, null, { ...tools, registry }), opened),
    'a stream': async (version) => {
      const record = await registry.versionRecord('small', version);
      if (record === null) throw new Error('the version is gone');
      const versions = new LoadedVersions({ ...tools, registry, registered, stream: 's', model: small });
      await versions.load({ version, digest: await scoringDigest(record, tools).catch(() => '') });
      await versions.close();
    },
    'a copy to another environment': (version) =>
      copyVersion(
        { registry, artifacts },
        { registry: openSqliteRegistry(':memory:'), artifacts: new MemoryArtifactStore() },
        { model: 'small', version, at: 3, who: 'ann' },
      ),
    'a client of MLflow': async (version) => {
      const { status, json } = await call(
        { url },
        'GET',
        `/mlflow/model-versions/get-download-uri?name=small&version=${version}`,
      );
      if (status !== 200) throw Object.assign(new Error(), json, { code: codeOf(json) });
      const folder = `headrace-versions/${Buffer.from('small').toString('base64url')}/${version}`;
      await versionEntries({ registry, artifacts }, folder);
    },
  };
}

/** The code of an error in the answer for MLflow's clients. */
function codeOf(json: unknown): string {
  const { message = '' } = json as { message?: string };
  return message.includes('is not the one that') ? 'REGISTRY_SEAL' : message;
}

const VERSION = (no: number) => `(SELECT no FROM versions WHERE version = ${no})`;

/** Each change of the rows that decide what a version answers, by the version that it changes. */
const CHANGES: readonly (readonly [string, number, string])[] = [
  [
    'the features of a signature',
    1,
    `UPDATE versions SET body = json_set(body, '$.signature.features[0]', 'name') WHERE version = 1`,
  ],
  [
    'the output of a signature',
    1,
    `UPDATE versions SET body = json_set(body, '$.signature.output', 'other') WHERE version = 1`,
  ],
  [
    'the file of a trained version',
    1,
    `UPDATE versions SET body = json_set(body, '$.artifact', json_extract(body, '$.parity')) WHERE version = 1`,
  ],
  [
    'its parity rows',
    1,
    `UPDATE versions SET body = json_set(body, '$.parity', '${'a'.repeat(64)}') WHERE version = 1`,
  ],
  ['its number format', 1, `UPDATE versions SET body = json_set(body, '$.signature.encoding', 7) WHERE version = 1`],
  ['where it came from', 2, `UPDATE versions SET source = 'mlflow-artifacts:/2' WHERE version = 2`],
  ['the content of a file', 2, `UPDATE version_files SET digest = '${'b'.repeat(64)}' WHERE path = 'model.onnx'`],
  ['the name of a file', 2, `UPDATE version_files SET path = 'other.onnx' WHERE path = 'model.onnx'`],
  ['a file more', 2, `INSERT INTO version_files VALUES (${VERSION(2)}, 'more.py', '${'c'.repeat(64)}', 1)`],
  ['a file less', 2, `DELETE FROM version_files WHERE path = 'MLmodel'`],
  ['the digest over its files', 2, `UPDATE versions SET digest = '${'d'.repeat(64)}' WHERE version = 2`],
  [
    'the order of its features',
    2,
    `UPDATE version_tags SET value = 'category,gaps,number' WHERE owner = ${VERSION(2)}`,
  ],
  ['no features', 2, `DELETE FROM version_tags WHERE owner = ${VERSION(2)}`],
  ['an output', 2, `INSERT INTO version_tags VALUES (${VERSION(2)}, 'headrace.output', 'x')`],
  ['another version under the alias', 2, `UPDATE aliases SET version = 2 WHERE alias = 'champion'`],
];

function changed({ directory }: RegistrySite, statement: string): void {
  const database = new DatabaseSync(join(directory, 'registry.sqlite'));
  expect(database.prepare(statement).run().changes, statement).toBe(1);
  database.close();
}

test('a version that nobody changed is loaded by every way in, and tags that say nothing of scores may change', async () => {
  const site = await sealedSite();
  for (const version of [1, 2]) {
    await site.registry.tagVersion('small', version, { key: 'team', value: 'a' }, 3);
    await site.registry.describeVersion('small', version, 'of a team', 3);
    for (const [name, load] of Object.entries(loaders(site))) await expect(load(version), name).resolves.not.toThrow();
  }
});

test.each(CHANGES)(
  'no way in loads a version after a change under the registry: %s',
  async (_name, version, statement) => {
    const site = await sealedSite();
    changed(site, statement);
    for (const [name, load] of Object.entries(loaders(site)))
      await expect(load(version), name).rejects.toMatchObject({ code: 'REGISTRY_SEAL' });
    const record = await site.registry.versionRecord('small', version);
    expect(record?.seals.length).toBeGreaterThan(0);
  },
);

test('an alias that is removed and set again seals the version as it is then', async () => {
  const site = await sealedSite();
  changed(site, `UPDATE version_tags SET value = 'category,gaps,number' WHERE owner = ${VERSION(2)}`);
  await site.registry.moveAlias('small', 'challenger', { expected: 2, to: null, at: 4 });
  await site.registry.moveAlias('small', 'challenger', { expected: null, to: 2, at: 5 });
  for (const [name, load] of Object.entries(loaders(site))) await expect(load(2), name).resolves.not.toThrow();
});

test('an artefact store with other bytes under a digest is refused by every way that reads them', async () => {
  const site = await sealedSite();
  const record = await site.registry.versionRecord('small', 1);
  const digest = record?.trained?.artifact ?? '';
  const path = join(site.directory, 'artifacts', digest.slice(0, 2), digest);
  const bytes = readFileSync(path);
  bytes[bytes.length - 1] ^= 1;
  writeFileSync(path, bytes, { mode: 0o600 });
  const { 'a client of MLflow': _reads, ...others } = loaders(site);
  for (const version of [1, 2])
    for (const [name, load] of Object.entries(others))
      await expect(load(version), name).rejects.toMatchObject({ code: 'ARTIFACT_DAMAGED' });
  const folder = `headrace-versions/${Buffer.from('small').toString('base64url')}/1`;
  const read = async () =>
    (await fetch(`${site.url}/api/2.0/mlflow-artifacts/artifacts/${folder}/model.onnx`)).arrayBuffer();
  await expect(read()).rejects.toThrow();
});

test('a rewritten file is no loader: those who read records without their seal are listed', () => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const readers = globSync('src/{serving,running,site,featurestore,operating,cli}/**/*.ts', { cwd: root })
    .filter((path) => readFileSync(join(root, path), 'utf8').includes('.versionRecord('))
    .sort();
  // Neither loads a version: one reads where its reference profile is, the other whether it exists.
  expect(readers).toEqual(['src/serving/rollout/rolled-versions.ts', 'src/site/open-profiles.ts']);
});
