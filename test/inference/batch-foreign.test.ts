import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import type { ModelRegistry } from '../../src/ports/model-registry.ts';
import { readBatchManifest } from '../../src/serving/batch/batch-folder.ts';
import { type BatchOptions, startBatch } from '../../src/serving/batch/start-batch.ts';
import { openSqliteRegistry, registryFile } from '../../src/site/open-registry.ts';
import { runCli } from '../cli/run-cli.ts';
import { small } from '../models/small-project.ts';
import { servingData, skipNote } from '../serving/serving-data.ts';
import { batchSite, inputRows, outputRows, siteContext, sql, writeInput } from './batch-site.ts';
import { type LoggedModel, logModel } from './logged-onnx.ts';

interface Answers {
  readonly tolerance: { readonly abs?: number; readonly rel?: number };
  readonly x: readonly (readonly number[])[];
  readonly proba?: readonly (readonly number[])[];
  readonly pred?: readonly number[];
}

let site: string;
let registry: ModelRegistry;
let artifacts: FileArtifactStore;

beforeAll(async () => {
  site = await batchSite();
  registry = openSqliteRegistry(registryFile(site));
  artifacts = new FileArtifactStore(join(site, 'artifacts'));
});

const modelFile = (name: string) => readFileSync(new URL(`models/${name}.onnx`, servingData));

async function log(logged: Omit<LoggedModel, 'model'>): Promise<number> {
  return (await logModel(registry, artifacts, { model: 'small', ...logged })).version;
}

async function run(options: Omit<BatchOptions, 'workers'>) {
  return (await startBatch(small, { workers: 1, ...options }, siteContext(site))).result;
}

/** Writes rows as one list column, or as a column each, in the order of `columns`. */
function rowsFile(name: string, x: Answers['x'], columns: readonly string[] | null): Promise<string> {
  const cells = (row: readonly number[]) =>
    columns === null
      ? `[${row.map((value) => `${value}::DOUBLE`).join()}]`
      : row.map((value) => `${value}::DOUBLE`).join();
  const values = x.map((row, i) => `(${i}, ${cells(row)})`).join(', ');
  const names = columns === null ? ['input'] : columns.map((column) => `"${column}"`);
  return writeInput(`SELECT * FROM (VALUES ${values}) AS t(id, ${names.join(', ')}) ORDER BY id`, join(site, name));
}

/** Writes the configuration of a project whose environment is the site. */
function writeConfig(): void {
  const path = (file: string) => JSON.stringify(new URL(`../../${file}`, import.meta.url).pathname);
  writeFileSync(
    join(site, 'headrace.config.ts'),
    `import { defineConfig, defineProject } from ${path('src/index.ts')};
import { asked, came, small } from ${path('test/models/small-project.ts')};
export default defineConfig({ project: defineProject('p', { asked, came, small }), environments: { local: { directory: '.' } } });`,
  );
}

async function scoresOf(path: string): Promise<readonly number[]> {
  return (await outputRows(path)).map(([, , score]) => Number(score));
}

describe.skipIf(!existsSync(servingData))(`batch by versions that MLflow's clients logged (${skipNote})`, () => {
  const answersOf = (model: string): Answers =>
    JSON.parse(readFileSync(new URL('models/trained/expected.json', servingData), 'utf8'))[model];
  const close = (found: readonly number[], expected: readonly number[], { abs = 0, rel = 0 }: Answers['tolerance']) => {
    expect(found.length).toBe(expected.length);
    for (const [i, score] of found.entries())
      expect(Math.abs(score - expected[i])).toBeLessThanOrEqual(abs + rel * Math.abs(expected[i]));
  };

  test.each(['breast_cancer_gbdt100'])(
    'a tensor of %s is a list column, and the score is its probability of the positive class',
    async (name) => {
      const { x, proba = [], tolerance } = answersOf(name);
      const version = await log({ onnx: modelFile(`trained/${name}`), columns: null });
      const from = await rowsFile(`${name}.parquet`, x, null);
      const to = join(site, name);
      const summary = await run({ from, to, version });
      expect(summary).toMatchObject({ version, quarantined: 0, rows: x.length });
      close(
        await scoresOf(to),
        proba.map(([, positive]) => positive),
        tolerance,
      );
      expect(readBatchManifest(to)?.spec.model.foreign).toMatchObject({ output: 'probabilities' });
    },
  );

  test('columns of a signature are found by name, whatever their order in the file', async () => {
    const { x, pred = [], tolerance } = answersOf('diabetes_gbr100');
    const columns = x[0].map((_, i) => `c${i}`);
    const version = await log({ onnx: modelFile('trained/diabetes_gbr100'), columns });
    const shuffled = [...columns].reverse();
    const from = await rowsFile(
      'shuffled.csv',
      x.map((row) => [...row].reverse()),
      shuffled,
    );
    const to = join(site, 'diabetes');
    await run({ from, to, version });
    close(await scoresOf(to), pred, tolerance);
  });

  test('a job names the columns that the model reads, by the command line too, and each list is another job', async () => {
    const { x, proba = [], tolerance } = answersOf('breast_cancer_gbdt100');
    const version = await log({ onnx: modelFile('trained/breast_cancer_gbdt100'), columns: null });
    const inputs = x[0].map((_, i) => `d${i}`);
    const from = await rowsFile('named.csv', x, inputs);
    const to = join(site, 'named');
    const summary = await run({ from, to, version, inputs });
    close(
      await scoresOf(to),
      proba.map(([, positive]) => positive),
      tolerance,
    );
    const other = await run({ from, to: join(site, 'other'), version, inputs: [...inputs].reverse() });
    expect(other.job).not.toBe(summary.job);
    const words = ['--from', from, '--to', to, '--version', `${version}`, '--inputs', inputs.join(), '--json'];
    writeConfig();
    const { out, err } = await runCli(site, ['predict', 'small', ...words]);
    expect(JSON.parse(out || err)).toMatchObject({ job: summary.job, isNew: false });
    const others = ['--out', join(site, 'by-name'), '--outputs', 'label,probabilities', '--version', `${version}`];
    const ended = await runCli(site, ['predict', 'small', from, ...others, '--inputs', inputs.join(), '--json']);
    expect(JSON.parse(ended.out.trim().split('\n').at(-1) ?? '')).toMatchObject({
      version,
      rows: x.length,
      quarantined: 0,
    });
    const named = await sql(`SELECT probabilities_1 FROM '${site}/by-name/*.parquet' ORDER BY _row`);
    expect(named.map(([score]) => score)).toEqual(await scoresOf(to));
  });

  test.each([
    ['text inputs', 'triton/simple_string/1/model', /BYTES/],
    ['sixteen numbers a row', 'triton/simple/1/model', /outputs OUTPUT0, OUTPUT1/],
    ['a cube of images', 'public/mnist', /\[1,10\], not one number a row/],
  ])('a model of %s is refused by its name', async (what, file, reason) => {
    const version = await log({ onnx: modelFile(file), columns: null });
    const from = await writeInput(inputRows(10), join(site, 'any.parquet'));
    await expect(run({ from, to: join(site, what), version })).rejects.toMatchObject({
      code: 'PYTHON_FLAVOR',
      message: expect.stringMatching(reason),
    });
    expect(existsSync(join(site, what))).toBe(false);
  });

  test('columns that are not as many as the numbers of the inputs are counted', async () => {
    const version = await log({ onnx: modelFile('trained/breast_cancer_gbdt100'), columns: ['a', 'b'] });
    const from = await writeInput(inputRows(10), join(site, 'any.parquet'));
    await expect(run({ from, to: join(site, 'few'), version })).rejects.toMatchObject({
      code: 'PYTHON_FLAVOR',
      message: expect.stringMatching(/30 numbers a row, and 2 columns/),
    });
    await expect(run({ from, to: join(site, 'few'), version: 1, inputs: ['a'] })).rejects.toMatchObject({
      code: 'PREDICT_INPUTS',
    });
  });
});

test('the same ONNX file has the same scores whether a job trained it or a client logged it', async () => {
  const { artifact, signature } = await registry.version('small', 1);
  const onnx = Uint8Array.from(await artifacts.get(artifact));
  const version = await log({ onnx, columns: signature.features });
  const from = await writeInput(inputRows(700), join(site, 'same.parquet'));
  await run({ from, to: join(site, 'trained'), version: 1 });
  await run({ from, to: join(site, 'logged'), version });
  const scores = await scoresOf(join(site, 'trained'));
  expect(scores.length).toBe(700);
  expect(await scoresOf(join(site, 'logged'))).toEqual(scores);
});

test('a job whose version is fed by other tags than before is another job', async () => {
  const { artifact, signature } = await registry.version('small', 1);
  const version = await log({ onnx: Uint8Array.from(await artifacts.get(artifact)), columns: signature.features });
  const from = await writeInput(inputRows(300), join(site, 'tags.parquet'));
  const before = await run({ from, to: join(site, 'tags'), version });
  const value = [...signature.features].reverse().join();
  await registry.tagVersion('small', version, { key: 'headrace.features', value }, 1);
  await expect(run({ from, to: join(site, 'tags'), version })).rejects.toMatchObject({ code: 'PREDICT_OUTPUT' });
  await registry.untagVersion('small', version, 'headrace.features', 2);
  expect(await run({ from, to: join(site, 'tags'), version })).toMatchObject({ job: before.job, isNew: false });
});

test('a Python program is refused where the environment runs none', async () => {
  const version = await log({ onnx: null, columns: ['a'] });
  const from = await writeInput(inputRows(10), join(site, 'any.parquet'));
  await expect(run({ from, to: join(site, 'python'), version })).rejects.toMatchObject({ code: 'PYTHON_OFF' });
});

test('a file that crashes or is none ends the job with its code, not the coordinator', async () => {
  const version = await log({ onnx: new TextEncoder().encode('no model'), columns: ['a'] });
  const from = await writeInput(inputRows(10), join(site, 'any.parquet'));
  await expect(run({ from, to: join(site, 'none'), version })).rejects.toMatchObject({ code: 'MODEL_FILE' });
  expect(await sql('SELECT 1')).toEqual([[1]]);
});
