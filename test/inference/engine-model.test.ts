import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { openVersionTools } from '../../src/compose/batch-tools.ts';
import { openSqliteRegistry, registryFile } from '../../src/compose/open-registry.ts';
import type { ModelRegistry } from '../../src/ports/model-registry.ts';
import { engineModel } from '../../src/serving/batch/run-job.ts';
import { resolveVersion, type ScoredVersion } from '../../src/serving/models/scored-version.ts';
import { batchSite, sitePlace } from './batch-site.ts';
import { logModel } from './logged-onnx.ts';

let registry: ModelRegistry;
let artifacts: FileArtifactStore;
let site: string;

beforeAll(async () => {
  site = await batchSite();
  registry = openSqliteRegistry(registryFile(site));
  artifacts = new FileArtifactStore(join(site, 'artifacts'));
});

const tools = () => openVersionTools(sitePlace(site), artifacts);

async function resolved(version: number): Promise<ScoredVersion> {
  return resolveVersion({ model: 'small', version }, null, { ...(await tools()), registry });
}

async function logged(): Promise<ScoredVersion> {
  const { artifact, signature } = await registry.version('small', 1);
  const onnx = Uint8Array.from(await artifacts.get(artifact));
  const { version } = await logModel(registry, artifacts, { model: 'small', onnx, columns: signature.features });
  return resolved(version);
}

test('an engine gets the file of a version, its digest, and the parity rows of its trainer', async () => {
  const scored = await resolved(1);
  const { file, modelSha256, modelInputs, parity } = await engineModel(scored, tools);
  expect(createHash('sha256').update(file).digest('hex')).toBe(modelSha256);
  const { features } = scored.version.signature;
  expect(modelInputs).toMatchObject([{ type: 'FP32', shape: [features.length], places: features.map((_, i) => i) }]);
  expect(parity?.rows.every((row) => row.length === features.length)).toBe(true);
  expect(parity?.scores.length).toBe(parity?.rows.length);
});

test('an engine runs the ONNX file that a client logged, as it was when the job began', async () => {
  const scored = await logged();
  const own = await engineModel(await resolved(1), tools);
  const found = await engineModel(scored, tools);
  expect({ ...found, parity: null }).toEqual({ ...own, parity: null });
  const { foreign } = scored;
  if (foreign === null) throw new TypeError('it is of a training job');
  const other = { ...scored, foreign: { ...foreign, onnx: 'f'.repeat(64) } };
  await expect(engineModel(other, tools)).rejects.toMatchObject({ code: 'MODEL_FILE' });
});

test('a Python program is scored by no engine', async () => {
  const { version, foreign } = await logged();
  if (foreign === null) throw new TypeError('it is of a training job');
  await expect(engineModel({ version, foreign: { ...foreign, onnx: null } }, tools)).rejects.toMatchObject({
    code: 'PREDICT_ENGINE_MODEL',
  });
});
