// @module-tag deep
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cached } from '../../scripts/services/service.ts';
import {
  bool,
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  float,
  lookup,
  model,
  nullable,
  streamInference,
  streamView,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { openMlflowContext } from '../../src/server/mlflow/mlflow-context.ts';
import { startRegistryServer } from '../../src/server/mlflow/registry-server.ts';
import { readBatchManifest } from '../../src/serving/batch/batch-folder.ts';
import { outputRows, sql } from '../inference/batch-site.ts';
import { until } from '../until.ts';
import { addressOf } from './addresses.ts';

const PROGRAM = fileURLToPath(new URL('./python/log_poisoned.py', import.meta.url));

const asked = eventSource('asked', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), name: text(), a: float(), b: float(), c: float() },
});
const came = eventSource('came', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), asked: text(), good: nullable(bool()) },
});
const byName = streamView('by_name', {
  source: asked,
  entity: entity('name', { name: text() }),
  key: { name: 'name' },
  windows: ['1h'],
  freshness: '1s',
  features: () => ({ asked: count() }),
});
const service = featureService('plain', {
  request: { name: text(), a: float(), b: float(), c: float() },
  join: (r) => ({ by: lookup(byName, { name: r.name }) }),
  compute: (r) => ({ a: r.a, b: r.b, c: r.c }),
});
const plain = model('plain', {
  task: 'binary',
  service,
  spine: { from: asked, id: 'id' },
  label: { from: came, id: 'asked', value: (e) => e.good, within: '1d' },
  train: { with: { kind: 'logisticRegression' } },
});
const scored = streamInference('scored', { model: plain, from: asked, to: 'scores' });
const project = defineProject('python', { asked, came, service, plain, scored });

const ROWS = 200;
const directory = mkdtempSync(join(tmpdir(), 'headrace-python-batch-'));
const cells = Array.from({ length: ROWS }, (_, i) => [(i % 17) / 4 - 2, (i % 11) / 8, (i % 5) - 2]);
const START = Date.UTC(2026, 0, 1);
let headrace: Headrace;
let scores: readonly number[];
const faults: unknown[] = [];

beforeAll(async () => {
  const environments = cached('python-environments');
  mkdirSync(environments, { recursive: true });
  symlinkSync(environments, join(directory, 'python'));
  const [interpreter = ''] = addressOf('MLFLOW_MODELS');
  headrace = await openHeadrace({
    project,
    environment: { directory, partitions: 2, models: { python: { interpreter, memory: '4GiB' } } },
    clock: () => START,
    onFault: (error) => faults.push(error),
  });
  const { stores } = insideOf(headrace);
  const onFault = (error: unknown) => console.error(error);
  const context = openMlflowContext({ ...stores, clock: Date.now, webhooks: [], checkPromotion: null, onFault });
  const registry = await startRegistryServer(context, {
    host: '127.0.0.1',
    port: 0,
    directory,
    version: '3.17.2',
    onFault,
  });
  writeFileSync(join(directory, 'rows.json'), JSON.stringify(cells));
  scores = await logModels(interpreter, registry.url);
  await registry.close();
}, 600_000);

afterAll(async () => {
  await headrace?.close();
  rmSync(directory, { recursive: true, force: true });
});

async function logModels(python: string, url: string): Promise<readonly number[]> {
  const child = spawn(python, [PROGRAM, url, join(directory, 'rows.json')], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [output, errors] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  await once(child, 'close');
  const line = output.split('\n').find((each) => each.startsWith('SCORES '));
  if (line === undefined) throw new Error(`the program logged nothing: ${errors.slice(-2_000)}`);
  return JSON.parse(line.slice('SCORES '.length));
}

/** Writes the rows as Parquet, the columns in another order than the model's; `poison` are values of `a` by row. */
async function rowsFile(name: string, poison: ReadonlyMap<number, number> = new Map()): Promise<string> {
  const path = join(directory, name);
  const values = cells.map(([a, b, c], i) => `(${i}, ${c}::DOUBLE, ${b}::DOUBLE, ${poison.get(i) ?? a}::DOUBLE)`);
  await sql(
    `COPY (SELECT * FROM (VALUES ${values.join(', ')}) AS t(id, c, b, a) ORDER BY id) TO '${path}' (FORMAT parquet)`,
  );
  return path;
}

function closeTo(found: readonly unknown[], expected: readonly number[]): void {
  expect(found.length).toBe(expected.length);
  for (const [i, score] of found.entries()) expect(score).toBeCloseTo(expected[i], 5);
}

test.each([1, 2])(
  'a batch job has the scores that MLflow predicts, by version %i',
  { timeout: 600_000 },
  async (version) => {
    const to = join(directory, `scores-${version}`);
    const { result } = await headrace.startBatch(plain, {
      from: await rowsFile('rows.parquet'),
      to,
      version,
      workers: 2,
    });
    expect(await result).toMatchObject({ rows: ROWS, quarantined: 0, version });
    closeTo(
      (await outputRows(to)).map(([, , score]) => score),
      scores,
    );
    // The estimator may run as ONNX; the program cannot.
    if (version === 2) expect(readBatchManifest(to)?.spec.model.foreign).toMatchObject({ onnx: null });
  },
);

test('rows that throw or end the Python process are rejected alone, each with its class', {
  timeout: 600_000,
}, async () => {
  const poison = new Map([
    [40, 666],
    [113, 667],
  ]);
  const to = join(directory, 'poisoned');
  const from = await rowsFile('poisoned.parquet', poison);
  const { result } = await headrace.startBatch(plain, { from, to, version: 2, workers: 1 });
  expect(await result).toMatchObject({ quarantined: 2 });
  const manifest = readBatchManifest(to);
  const lines = (manifest?.parts ?? []).flatMap(({ quarantine }) =>
    quarantine === null
      ? []
      : readFileSync(join(to, manifest?.folder ?? '', quarantine.file), 'utf8')
          .trim()
          .split('\n'),
  );
  expect(lines.map((line) => JSON.parse(line)).map(({ row, code }) => [row, code])).toEqual([
    [40, 'MODEL_RUN'],
    [113, 'MODEL_CRASH'],
  ]);
  closeTo(
    (await outputRows(to)).map(([, , score]) => score),
    scores.filter((_, i) => !poison.has(i)),
  );
});

/** Python processes of the worker processes of this process's jobs. */
function pythons(): readonly number[] {
  const lines = execFileSync('ps', ['-eo', 'pid,ppid,args'], { encoding: 'utf8' }).trim().split('\n');
  const all = lines.map((line) => ({ line, numbers: line.trim().split(/\s+/, 2).map(Number) }));
  const workers = all
    .filter(({ line, numbers: [, parent] }) => parent === process.pid && line.includes('batch-worker'))
    .map(({ numbers: [pid] }) => pid);
  return all
    .filter(({ line, numbers: [, parent] }) => line.includes('headrace_worker.py') && workers.includes(parent))
    .map(({ numbers: [pid] }) => pid);
}

test('a Python process that someone kills within a run costs no row', { timeout: 600_000 }, async () => {
  const path = join(directory, 'many.parquet');
  const rows = `SELECT i::BIGINT AS id, (i % 17) / 4.0 - 2 AS a, (i % 11) / 8.0 AS b, (i % 5) - 2.0 AS c FROM range(6000) AS t(i)`;
  await sql(`COPY (${rows}) TO '${path}' (FORMAT parquet)`);
  let kills = 0;
  const onProgress = () => {
    const [victim] = pythons();
    if (kills >= 3 || victim === undefined) return;
    kills += 1;
    process.kill(victim, 'SIGKILL');
  };
  const to = join(directory, 'killed');
  const { result } = await headrace.startBatch(plain, { from: path, to, version: 2, workers: 2, onProgress });
  expect(await result).toMatchObject({ rows: 6_000, quarantined: 0 });
  expect(kills).toBe(3);
  const found = (await outputRows(to)).map(([, , score]) => score);
  closeTo(found.slice(0, ROWS), scores);
});

test('a stream is scored by a Python program, and a record that ends it is rejected alone', {
  timeout: 600_000,
}, async () => {
  await headrace.promote(plain, 2);
  const stream = headrace.stream('scored');
  const events = cells.map(([a, b, c], i) => ({ id: `r${i}`, at: START, name: 'n', a: i === 50 ? 667 : a, b, c }));
  await headrace.ingest(asked, events);
  await until(async () => {
    await headrace.tick();
    const { partitions } = stream.status;
    return stream.counts.scored > 0 && partitions.every(({ waiting }) => waiting === 0);
  });
  const outputs = [];
  for (const [partition, { next }] of stream.status.partitions.entries())
    if (next > 0) outputs.push(...(await stream.reprocess(partition, { from: 0, to: next })));
  const byId = new Map(outputs.map((output) => [output.id, output]));
  expect(byId.get('r50')).toMatchObject({ score: null, error: expect.stringMatching(/^MODEL_CRASH/) });
  const rest = cells.map((_, i) => i).filter((i) => i !== 50);
  closeTo(
    rest.map((i) => byId.get(`r${i}`)?.score),
    rest.map((i) => scores[i]),
  );
  // The record ended workers of the stream alone: four for its outputs, and four when it was scored again.
  const workers = (insideOf(headrace).stores.python?.workers() ?? []).filter(({ version }) => version === 2);
  expect(workers.map(({ job, restarts }) => [job, restarts])).toEqual(
    expect.arrayContaining([
      [null, 0],
      ['scored', 8],
    ]),
  );
});
