import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { onnxRuntime } from '../../src/backends/onnx/onnx-runtime.ts';
import { newRows } from '../../src/model/model-rows.ts';
import { startBatch } from '../../src/serving/batch/start-batch.ts';
import { featureRow } from '../../src/serving/online/feature-row.ts';
import { rowOutcome } from '../../src/serving/rollout/row-outcome.ts';
import { openSqliteRegistry, registryFile } from '../../src/site/open-registry.ts';
import { registeredIn } from '../models/registered.ts';
import { small } from '../models/small-project.ts';
import { identityFile } from '../serving/onnx-files.ts';
import { batchSite, outputRows, siteContext, writeInput } from './batch-site.ts';
import { logModel } from './logged-onnx.ts';

let site: string;

beforeAll(async () => {
  site = await batchSite();
});

/** A version whose score is its one input, the feature `number`. */
async function identity(type: 'FP32' | 'FP64' | 'INT64') {
  const registry = openSqliteRegistry(registryFile(site));
  const artifacts = new FileArtifactStore(join(site, 'artifacts'));
  const onnx = Uint8Array.from(identityFile(type));
  const record = await logModel(registry, artifacts, { model: 'small', onnx, columns: ['number'] });
  return { record, artifacts, registry };
}

/** The scores of numbers as a served model or a stream gives them. */
async function servedScores(type: 'FP32' | 'FP64' | 'INT64', numbers: readonly number[]) {
  const { record, artifacts, registry } = await identity(type);
  const scorer = await registeredIn({ registry, artifacts, runtime: onnxRuntime }).hold(record);
  const toRow = featureRow(small.service, scorer.version, scorer.inputs);
  const place = small.service.features.findIndex(({ name }) => name === 'number');
  const rows = newRows(scorer.inputs, numbers.length);
  for (const [i, number] of numbers.entries())
    toRow(
      small.service.features.map((_, at) => (at === place ? number : null)),
      rows,
      i,
    );
  const scores = await scorer.run(rows);
  await scorer.close();
  await registry.close();
  return { version: record.version, scores: [...scores] };
}

async function jobScores(version: number, column: string, cells: readonly string[]) {
  const rows = cells.map((cell, i) => `(${i}, CAST('${cell}' AS ${column}))`).join(', ');
  const from = await writeInput(
    `SELECT i AS id, v AS number FROM (VALUES ${rows}) AS t(i, v) ORDER BY i`,
    join(site, `${version}-${column.replaceAll(/\W/g, '')}.parquet`),
  );
  const to = join(site, `out-${version}-${column.replaceAll(/\W/g, '')}`);
  const options = { from, to, version, workers: 1, mostErrors: 0.9, keep: ['id'] };
  await (await startBatch(small, options, siteContext(site))).result;
  return (await outputRows(to)).map(([row, , score]) => [row, score]);
}

test.each([
  ['FP64', [16_777_217, 55_968_378.41, 1e-300, -1e300, 2 ** 53 - 1, 0.1]],
  ['INT64', [16_777_217, 1_700_000_063, -(2 ** 53), 0]],
  ['FP32', [16_777_217, 55_968_378.41, 1e-45, 0.1]],
] as const)('a model of %s scores a job and a request alike, and nothing is cut to float32', async (type, numbers) => {
  const wanted = numbers.map((number) => (type === 'FP32' ? Math.fround(number) : number));
  const { version, scores } = await servedScores(type, numbers);
  expect(scores).toEqual(wanted);
  const job = await jobScores(version, 'DOUBLE', numbers.map(String));
  expect(job).toEqual(wanted.map((score, row) => [row, score]));
});

test('a whole number that no double holds is fed exactly, and is no score', async () => {
  const { version } = await servedScores('INT64', [0]);
  const cells = ['9007199254740993', '9007199254740992', '-7'];
  expect(await jobScores(version, 'BIGINT', cells)).toEqual([
    [1, 2 ** 53],
    [2, -7],
  ]);
});

test.each(['MODEL_CELL', 'PREDICT_CELL', 'MODEL_RUN'])(
  'a row that only one version refuses by %s counts against it',
  (code) => {
    expect(rowOutcome(code)).toBe('error');
  },
);

test('a decimal of a job is the double that training has', async () => {
  const { version } = await servedScores('FP32', [0]);
  expect(await jobScores(version, 'DECIMAL(18,2)', ['55968378.41', '12.09'])).toEqual([
    [0, 55_968_380],
    [1, Math.fround(12.09)],
  ]);
});
