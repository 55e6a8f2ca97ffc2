import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { SHORT_LIVED } from '../../scripts/services/server.ts';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { type EnvironmentOptions, resolveEnvironment } from '../../src/environment/config.ts';
import { readBatchManifest } from '../../src/serving/batch/batch-folder.ts';
import { type BatchOptions, startBatch } from '../../src/serving/batch/start-batch.ts';
import { scoresOf } from '../../src/site/back-ends/environment-back-ends.ts';
import { openSqliteRegistry, registryFile } from '../../src/site/open-registry.ts';
import { batchSite, poisonedRows, siteContext, textRows, writeInput } from '../inference/batch-site.ts';
import { logModel } from '../inference/logged-onnx.ts';
import { small } from '../models/small-project.ts';
import { servingData, skipNote } from '../serving/serving-data.ts';
import { addressOf } from './addresses.ts';
import { deep } from './deep.ts';
import { scoredParts } from './scored-parts.ts';

const [home = ''] = addressOf('SPARK_HOME');
const scoreJars = addressOf('SPARK_ONNX_JARS');
const ROWS = 3_000;

let site: string;
let input: string;

/** What a job over Spark works with; `conf` and `master` are its settings. */
function sparkContext(master: string, conf: Readonly<Record<string, string>>) {
  const engine: NonNullable<EnvironmentOptions['offline']>['engine'] = {
    kind: 'spark',
    home,
    master,
    scoreJars: [...scoreJars],
    conf: {
      'spark.driver.memory': '1g',
      'spark.driver.extraJavaOptions': SHORT_LIVED,
      'spark.sql.shuffle.partitions': '2',
      ...conf,
    },
  };
  const environment = resolveEnvironment('local', { directory: resolve(site), offline: { engine } }, 'site');
  return { ...siteContext(site), scores: () => scoresOf(environment) };
}

beforeAll(async () => {
  site = await batchSite();
  input = await writeInput(poisonedRows(ROWS), join(site, 'in.parquet'));
});

async function run(to: string, more: Partial<BatchOptions>, context = siteContext(site)) {
  const options = { from: input, to: join(site, to), workers: 1, mostErrors: 0.01, keep: ['name', 'id'], ...more };
  return (await startBatch(small, options, context)).result;
}

const found = (folder: string) => scoredParts(join(site, folder));

describe('a batch job by Spark', () => {
  test('has the rows, scores, order, parts and rejected rows of the job in worker processes, and its id', async () => {
    const own = await run('own', {});
    const theirs = await run('theirs', { engine: true }, sparkContext('local[2]', {}));
    expect(theirs.job).toBe(own.job);
    expect(theirs.quarantined).toBe(2);
    expect(await found('theirs')).toEqual(await found('own'));
  }, 600_000);

  test('reads texts as numbers like worker processes', { ...deep, timeout: 600_000 }, async () => {
    const from = await writeInput(textRows(600), join(site, 'texts.csv'));
    await run('texts-own', { from, mostErrors: 0.1 });
    await run('texts-theirs', { from, mostErrors: 0.1, engine: true }, sparkContext('local[2]', {}));
    const own = await found('texts-own');
    expect(own.flatMap(({ rejected }) => rejected).length).toBeGreaterThan(5);
    expect(await found('texts-theirs')).toEqual(own);
  });

  test('continues a job that began in worker processes, and leaves what they published', async () => {
    const stop = new AbortController();
    const begun = run('both', { signal: stop.signal, onProgress: () => stop.abort() });
    await expect(begun).rejects.toMatchObject({ code: 'JOB_CANCELLED' });
    await run('both', { engine: true }, sparkContext('local[2]', {}));
    expect(await found('both')).toEqual(await found('own'));
  }, 600_000);
});

test('executors that score otherwise than the trainer score no row', async () => {
  const registry = openSqliteRegistry(registryFile(site));
  const artifacts = new FileArtifactStore(join(site, 'artifacts'));
  const trained = await registry.version('small', 1);
  const { rows, scores } = JSON.parse(new TextDecoder().decode(await artifacts.get(trained.parity)));
  const other = JSON.stringify({ rows, scores: scores.map((score: number) => score + 0.01) });
  const parity = await artifacts.put(new TextEncoder().encode(other));
  const { version } = await registry.register({ ...trained, parity });
  const options = { engine: true, version };
  await expect(run('parity', options, sparkContext('local[2]', {}))).rejects.toMatchObject({
    code: 'MODEL_PARITY',
    facts: { version, expected: scores[0] + 0.01 },
  });
  expect(readBatchManifest(join(site, 'parity'))).toBeNull();
});

const trees = new URL('models/trained/breast_cancer_gbdt100.onnx', servingData);

test.skipIf(!existsSync(trees))(
  `Spark scores a version that a client logged as worker processes do (${skipNote})`,
  { ...deep, timeout: 600_000 },
  async () => {
    const registry = openSqliteRegistry(registryFile(site));
    const artifacts = new FileArtifactStore(join(site, 'artifacts'));
    const logged = { model: 'small', onnx: readFileSync(trees), columns: null };
    const { version } = await logModel(registry, artifacts, logged);
    const numbers = Array.from({ length: 30 }, (_, i) => `((i * ${i + 7}) % 101)::DOUBLE`).join();
    const rows = `SELECT i::BIGINT AS id, 'n' || i AS name, [${numbers}] AS input FROM range(600) AS t(i)`;
    const from = await writeInput(rows, join(site, 'trees.parquet'));
    await run('trees-own', { from, version });
    await run('trees-spark', { from, version, engine: true }, sparkContext('local[2]', {}));
    expect(await found('trees-spark')).toEqual(await found('trees-own'));
  },
);

test('without an engine that scores, --engine is refused', async () => {
  await expect(run('none', { engine: true })).rejects.toMatchObject({ code: 'PREDICT_ENGINE' });
});

/** Processes of the executors of an application. */
function executorsOf(application: string): readonly number[] {
  const lines = execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' }).split('\n');
  return lines
    .filter((line) => line.includes('CoarseGrainedExecutorBackend') && line.includes(application))
    .map((line) => Number.parseInt(line, 10));
}

test('executors that are killed and speculative attempts change no row', { ...deep, timeout: 900_000 }, async () => {
  const [master = ''] = addressOf('SPARK_MASTER');
  const speculation = {
    'spark.speculation': 'true',
    'spark.speculation.multiplier': '1.0',
    'spark.speculation.quantile': '0.1',
    'spark.speculation.interval': '50ms',
    'spark.speculation.minTaskRuntime': '0ms',
    'spark.executor.memory': '512m',
    'spark.executor.cores': '1',
    'spark.driver.host': '127.0.0.1',
    'spark.sql.files.maxPartitionBytes': '20000',
  };
  let kills = 0;
  let application = '';
  const onEngine = (text: string) => {
    application = /runs on .* as (\S+)$/.exec(text)?.[1] ?? application;
    const [victim] = application === '' ? [] : executorsOf(application);
    if (kills >= 2 || victim === undefined) return;
    kills += 1;
    process.kill(victim, 'SIGKILL');
  };
  await run('own', {});
  await run('killed', { engine: true, onEngine }, sparkContext(master, speculation));
  expect(kills).toBeGreaterThan(0);
  expect(await found('killed')).toEqual(await found('own'));
});
