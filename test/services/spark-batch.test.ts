import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { SHORT_LIVED } from '../../scripts/services/server.ts';
import { scoresOf } from '../../src/compose/back-ends.ts';
import { type EnvironmentOptions, resolveEnvironment } from '../../src/environment/config.ts';
import { readBatchManifest } from '../../src/serving/batch/batch-folder.ts';
import { type BatchOptions, startBatch } from '../../src/serving/batch/start-batch.ts';
import { batchSite, inputRows, siteContext, sql, writeInput } from '../inference/batch-site.ts';
import { small } from '../models/small-project.ts';
import { addressOf } from './addresses.ts';
import { deep } from './deep.ts';

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
  const rows = `SELECT * REPLACE (CASE id WHEN 7 THEN 1e300 WHEN 2999 THEN -1e39 ELSE number END AS number) FROM (${inputRows(ROWS)})`;
  input = await writeInput(rows, join(site, 'in.parquet'));
});

async function run(to: string, more: Partial<BatchOptions>, context = siteContext(site)) {
  const options = { from: input, to: join(site, to), workers: 1, mostErrors: 0.01, keep: ['name', 'id'], ...more };
  return (await startBatch(small, options, context)).result;
}

/** Every row of a committed output, and every rejected row with its code. */
async function found(folder: string) {
  const manifest = readBatchManifest(join(site, folder));
  const at = (file: string) => join(site, folder, manifest?.folder ?? '', file);
  const parts = [];
  for (const { output, quarantine, ...part } of manifest?.parts ?? []) {
    const rows =
      output === null
        ? []
        : await sql(
            `SELECT CAST(_row AS INTEGER), CAST(id AS INTEGER), name, score, model_version, artifact_digest, job_id FROM read_parquet('${at(output.file)}')`,
          );
    const lines = quarantine === null ? [] : readFileSync(at(quarantine.file), 'utf8').trim().split('\n');
    const rejected = lines.map((line) => JSON.parse(line)).map(({ row, code, features }) => [row, code, features]);
    parts.push({ ...part, rows, rejected });
  }
  return parts;
}

describe('a batch job by Spark', () => {
  test('has the rows, scores, order, parts and rejected rows of the job in worker processes, and its id', async () => {
    const own = await run('own', {});
    const theirs = await run('theirs', { engine: true }, sparkContext('local[2]', {}));
    expect(theirs.job).toBe(own.job);
    expect(theirs.quarantined).toBe(2);
    expect(await found('theirs')).toEqual(await found('own'));
  }, 600_000);

  test('continues a job that began in worker processes, and leaves what they published', async () => {
    const stop = new AbortController();
    const begun = run('both', { signal: stop.signal, onProgress: () => stop.abort() });
    await expect(begun).rejects.toMatchObject({ code: 'JOB_CANCELLED' });
    await run('both', { engine: true }, sparkContext('local[2]', {}));
    expect(await found('both')).toEqual(await found('own'));
  }, 600_000);
});

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
