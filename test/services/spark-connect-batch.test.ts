import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { historyFolder } from '../../src/backends/spark/folders.ts';
import { type EnvironmentOptions, resolveEnvironment } from '../../src/environment/config.ts';
import { readBatchManifest } from '../../src/serving/batch/batch-folder.ts';
import { type BatchOptions, startBatch } from '../../src/serving/batch/start-batch.ts';
import { scoresOf } from '../../src/site/back-ends/environment-back-ends.ts';
import { openSqliteRegistry, registryFile } from '../../src/site/open-registry.ts';
import { spawnCli } from '../cli/run-cli.ts';
import { batchSite, inputRows, poisonedRows, siteContext, textRows, writeInput } from '../inference/batch-site.ts';
import { logModel } from '../inference/logged-onnx.ts';
import { small } from '../models/small-project.ts';
import { servingData, skipNote } from '../serving/serving-data.ts';
import { addressOf } from './addresses.ts';
import { deep } from './deep.ts';
import { scoredParts } from './scored-parts.ts';

const [address = ''] = addressOf('SPARK_SCORE');
addressOf('SPARK_SCORE_TOKEN');
const [python = ''] = addressOf('SPARK_SCORE_PYTHON');

let site: string;

/** What a job over the Connect server works with. */
function connectContext(
  more: { readonly scorePython?: string; readonly conf?: Readonly<Record<string, string>> } = {},
) {
  const engine: NonNullable<EnvironmentOptions['offline']>['engine'] = {
    kind: 'sparkConnect',
    url: `sc://${address}`,
    token: { env: 'SPARK_SCORE_TOKEN' },
    scorePython: python,
    ...more,
    conf: { 'spark.sql.shuffle.partitions': '2', ...more.conf },
  };
  const environment = resolveEnvironment('local', { directory: resolve(site), offline: { engine } }, 'site');
  return { ...siteContext(site), scores: () => scoresOf(environment) };
}

beforeAll(async () => {
  site = await batchSite();
});

async function run(
  to: string,
  options: Partial<BatchOptions> & Pick<BatchOptions, 'from'>,
  context = siteContext(site),
) {
  const all = { to: join(site, to), workers: 1, mostErrors: 0.01, keep: ['name', 'id'], ...options };
  return (await startBatch(small, all, context)).result;
}

const parts = (folder: string) => scoredParts(join(site, folder));

describe('a batch job on a Connect server', () => {
  test('has the rows, scores, order, parts and rejected rows of the job in worker processes, and its id', async () => {
    const from = await writeInput(poisonedRows(1_500), join(site, 'in.parquet'));
    const own = await run('own', { from });
    const theirs = await run('theirs', { from, engine: true }, connectContext());
    expect(theirs.job).toBe(own.job);
    expect(theirs.quarantined).toBe(2);
    expect(await parts('theirs')).toEqual(await parts('own'));
  }, 600_000);

  test('reads texts as numbers like worker processes', { ...deep, timeout: 600_000 }, async () => {
    const from = await writeInput(textRows(600), join(site, 'texts.csv'));
    await run('texts-own', { from, mostErrors: 0.1 });
    await run('texts-theirs', { from, mostErrors: 0.1, engine: true }, connectContext());
    const own = await parts('texts-own');
    expect(own.flatMap(({ rejected }) => rejected).length).toBeGreaterThan(5);
    expect(await parts('texts-theirs')).toEqual(own);
  });

  test('is the same by the command line', { ...deep, timeout: 600_000 }, async () => {
    const from = await writeInput(poisonedRows(600), join(site, 'cli.parquet'));
    await run('cli-own', { from });
    const path = (file: string) => JSON.stringify(new URL(`../../${file}`, import.meta.url).pathname);
    const engine = {
      kind: 'sparkConnect',
      url: `sc://${address}`,
      token: { env: 'SPARK_SCORE_TOKEN' },
      scorePython: python,
    };
    writeFileSync(
      join(site, 'headrace.config.ts'),
      `import { defineConfig, defineProject } from ${path('src/index.ts')};
import { asked, came, small } from ${path('test/models/small-project.ts')};
export default defineConfig({
  project: defineProject('p', { asked, came, small }),
  environments: { local: { directory: '.', offline: { engine: ${JSON.stringify(engine)} } } },
});`,
    );
    const words = ['--from', from, '--to', join(site, 'cli-theirs'), '--keep', 'name,id', '--workers', '1', '--engine'];
    const { code, err } = await spawnCli(site, ['predict', 'small', ...words]);
    expect(code, err).toBe(0);
    expect(await parts('cli-theirs')).toEqual(await parts('cli-own'));
  });

  test('continues a job that began in worker processes, and leaves what they published', {
    ...deep,
    timeout: 600_000,
  }, async () => {
    const from = await writeInput(poisonedRows(1_500), join(site, 'in.parquet'));
    const stop = new AbortController();
    const begun = run('both', { from, signal: stop.signal, onProgress: () => stop.abort() });
    await expect(begun).rejects.toMatchObject({ code: 'JOB_CANCELLED' });
    await run('both', { from, engine: true }, connectContext());
    await run('own', { from });
    expect(await parts('both')).toEqual(await parts('own'));
  });

  test('executors that score otherwise than the trainer score no row', { ...deep, timeout: 600_000 }, async () => {
    const registry = openSqliteRegistry(registryFile(site));
    const artifacts = new FileArtifactStore(join(site, 'artifacts'));
    const trained = await registry.version('small', 1);
    const { rows, scores } = JSON.parse(new TextDecoder().decode(await artifacts.get(trained.parity)));
    const other = JSON.stringify({ rows, scores: scores.map((score: number) => score + 0.01) });
    const parity = await artifacts.put(new TextEncoder().encode(other));
    const { version } = await registry.register({ ...trained, parity });
    const from = await writeInput(inputRows(600), join(site, 'parity.parquet'));
    await expect(run('parity', { from, version, engine: true }, connectContext())).rejects.toMatchObject({
      code: 'MODEL_PARITY',
      facts: { version, expected: scores[0] + 0.01 },
    });
    expect(readBatchManifest(join(site, 'parity'))).toBeNull();
  });

  test('a job that is cancelled ends on the server too, and leaves no file', {
    ...deep,
    timeout: 600_000,
  }, async () => {
    const from = await writeInput(inputRows(20_000), join(site, 'cancelled.parquet'));
    const stop = new AbortController();
    const options = { from, engine: true, signal: stop.signal, onEngine: () => stop.abort() };
    await expect(run('cancelled', options, connectContext())).rejects.toMatchObject({ code: 'JOB_CANCELLED' });
    expect(readBatchManifest(join(site, 'cancelled'))).toBeNull();
    expect(readdirSync(historyFolder(site)).filter((name) => name.startsWith('run='))).toEqual([]);
  });

  test('a server whose Python is of another version says so', { ...deep, timeout: 600_000 }, async () => {
    const from = await writeInput(inputRows(600), join(site, 'version.parquet'));
    await expect(run('version', { from, engine: true }, connectContext({ scorePython: '3.2' }))).rejects.toMatchObject({
      code: 'SPARK_PYTHON',
    });
  });

  test('a column that no model reads is named', { ...deep, timeout: 600_000 }, async () => {
    const rows = `SELECT * REPLACE (DATE '2026-01-01' AS number) FROM (${inputRows(600)})`;
    const from = await writeInput(rows, join(site, 'dates.parquet'));
    await expect(run('dates', { from, engine: true }, connectContext())).rejects.toMatchObject({
      code: 'PREDICT_TYPE',
      facts: { column: 'number' },
    });
    const few = await writeInput(`SELECT * EXCLUDE (number) FROM (${inputRows(600)})`, join(site, 'few.parquet'));
    await expect(run('few', { from: few, engine: true }, connectContext())).rejects.toMatchObject({
      code: 'PREDICT_COLUMN',
      facts: { column: 'number' },
    });
  });
});

const trees = new URL('models/trained/breast_cancer_gbdt100.onnx', servingData);

test.skipIf(!existsSync(trees))(
  `a Connect server scores a version that a client logged as worker processes do (${skipNote})`,
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
    await run('trees-theirs', { from, version, engine: true }, connectContext());
    expect(await parts('trees-theirs')).toEqual(await parts('trees-own'));
  },
);

/** Processes of executors of the server, which are its children. */
function executors(): readonly number[] {
  const lines = execFileSync('ps', ['-eo', 'pid,ppid,args'], { encoding: 'utf8' }).trim().split('\n');
  const all = lines.map((line) => ({ line, numbers: line.trim().split(/\s+/, 2).map(Number) }));
  const isServer = (line: string) => line.includes('SparkConnectServer') && line.includes('run/spark-score');
  const servers = all.filter(({ line }) => isServer(line)).map(({ numbers: [pid] }) => pid);
  return all
    .filter(({ line, numbers: [, parent] }) => line.includes('CoarseGrainedExecutor') && servers.includes(parent))
    .map(({ numbers: [pid] }) => pid);
}

test('executors that are killed and speculative attempts change no row', { ...deep, timeout: 900_000 }, async () => {
  const from = await writeInput(poisonedRows(20_000), join(site, 'many.parquet'));
  let kills = 0;
  const onEngine = () => {
    const [victim] = executors();
    if (kills >= 2 || victim === undefined) return;
    kills += 1;
    process.kill(victim, 'SIGKILL');
  };
  await run('many-own', { from });
  const small = { 'spark.sql.files.maxPartitionBytes': '20000' };
  await run('many-killed', { from, engine: true, onEngine }, connectContext({ conf: small }));
  expect(kills).toBe(2);
  expect(await parts('many-killed')).toEqual(await parts('many-own'));
});
