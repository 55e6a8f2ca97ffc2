// @module-tag deep
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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
  streamView,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { openBatchContext } from '../../src/running/batch-context.ts';
import { insideOf } from '../../src/running/inside.ts';
import { startBatch } from '../../src/serving/batch/start-batch.ts';
import { RegistrySource } from '../../src/versions/source/registry-source.ts';
import { sql } from '../inference/batch-site.ts';
import { addressOf } from './addresses.ts';
import { expectOutputs, type Logged, openPythonSite, type PythonSite } from './python-site.ts';

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
const probability = model('probability', {
  task: 'binary',
  service,
  spine: { from: asked, id: 'id' },
  label: { from: came, id: 'asked', value: (e) => e.good, within: '1d' },
  train: { with: { kind: 'logisticRegression' } },
});
const rolled = model('rolled', {
  task: 'binary',
  service,
  spine: { from: asked, id: 'id' },
  label: { from: came, id: 'asked', value: (e) => e.good, within: '1d' },
  train: { with: { kind: 'logisticRegression' } },
  rollout: { shadow: false, steps: [50, 100], success: false },
});
const project = defineProject('python', { asked, came, service, probability, rolled });

let site: PythonSite;
let headrace: PythonSite['headrace'];

beforeAll(async () => {
  const [interpreter = ''] = addressOf('MLFLOW_MODELS');
  site = await openPythonSite({ project, interpreter, program: 'log_models.py' });
  headrace = site.headrace;
}, 600_000);

afterAll(() => site?.close());

const KINDS = [
  ...['logistic', 'probability', 'linear', 'forest', 'boosted', 'unsigned', 'tensors', 'pipeline', 'texts'],
  ...['frames', 'dicts', 'code', 'lightgbm', 'xgboost'],
];

test.each(KINDS)('%s answers tensors as MLflow itself predicts', async (name) => {
  const place = await site.prepared(name);
  const { inputs, outputs } = site.logged[name];
  expectOutputs(await site.infer(name, inputs), outputs);
  console.warn(`${name}: ${place === 'process' ? 'a worker' : 'ONNX'}`);
});

/** The rows of tensors as JSON lines: a column for each input, a list where a row has several values. */
function lines({ inputs }: Logged): string {
  const [{ shape }] = inputs;
  const rows = Array.from({ length: shape[0] }, (_, row) =>
    inputs.map(({ name, data }) => {
      const width = data.length / shape[0];
      return [name, width === 1 ? data[row] : data.slice(row * width, (row + 1) * width)];
    }),
  );
  return rows.map((row) => `${JSON.stringify(Object.fromEntries(row))}\n`).join('');
}

test.each(KINDS)('a job without a declaration writes the outputs of %s that the server answers', async (name) => {
  await site.prepared(name);
  const answers = await site.infer(name, site.logged[name].inputs);
  const folder = join(headrace.directory, 'batch', 'files');
  mkdirSync(folder, { recursive: true });
  const from = join(folder, `${name}.jsonl`);
  writeFileSync(from, lines(site.logged[name]));
  const dataSet = { format: 'parquet', partitionBy: null, overwrite: false } as const;
  const options = { from, to: join(folder, name), version: 1, workers: 1, dataSet };
  const job = await startBatch({ kind: 'registered', name }, options, openBatchContext(insideOf(headrace)));
  expect(await job.result).toMatchObject({ quarantined: 0 });
  for (const [output, expected] of Object.entries(answers)) {
    const rows = await sql(`SELECT TO_JSON("${output}") FROM '${options.to}/*.parquet' ORDER BY _row`);
    const found = rows.flatMap(([value]) => JSON.parse(String(value)));
    expect(found.length).toBe(expected.length);
    // JSON has the shortest text of a float32 or of its double.
    for (const [i, value] of found.entries())
      if (typeof value === 'number') expect(Math.fround(value)).toBe(Math.fround(Number(expected[i])));
      else expect(value).toBe(expected[i]);
  }
});
test('a worker is fed the same numbers as by mlflow.pyfunc, bit by bit: 2^53 + 1, the least double', async () => {
  expect(await site.prepared('exact')).toBe('process');
  const { inputs, outputs } = site.logged['exact'];
  expect(outputs['wholes']).toContain(String(2n ** 53n + 1n));
  expect(outputs['doubles']).toContain('0x0.0000000000001p-1022');
  expect(await site.infer('exact', inputs)).toEqual(outputs);
});

test('parameters of a signature are passed, typed and with defaults', async () => {
  await site.prepared('scaled');
  const { inputs, outputs, others = {} } = site.logged['scaled'];
  expectOutputs(await site.infer('scaled', inputs), outputs);
  const parameters = { factor: -3.5, shift: 7, negate: true, label: 'ü', more: '[1.0]' };
  expectOutputs(await site.infer('scaled', inputs, parameters), others);
  const both = await Promise.all(
    Array.from({ length: 12 }, (_, i) => site.infer('scaled', inputs, i % 2 === 0 ? {} : parameters)),
  );
  for (const [i, found] of both.entries()) expectOutputs(found, i % 2 === 0 ? outputs : others);
  const refused = [{ facter: 1 }, { factor: 'two' }, { shift: 1.5 }, { negate: 1 }, { label: 3 }, { more: '[true]' }];
  for (const wrong of refused) {
    const { status, json } = await site.post('/v2/models/scaled/infer', { inputs, parameters: wrong });
    expect(status, JSON.stringify(wrong)).toBe(400);
    expect(Object(json).error).toContain(Object.keys(wrong)[0]);
  }
});

test('a version by its alias predicts from features, and its prediction is in the log', async () => {
  await site.prepared('probability');
  const { server: served } = insideOf(headrace).models.named('probability');
  await served.refresh();
  expect(served.serving?.signature.features).toEqual(['a', 'b', 'c']);
  const { inputs, outputs } = site.logged['probability'];
  const [a, b, c] = inputs.map(({ data }) => Number(data[0]));
  const { status, json } = await site.post('/v1/predictions/probability', {
    id: 'p1',
    request: { name: 'n', a, b, c },
  });
  expect(status, JSON.stringify(json)).toBe(200);
  expect(Object(json).score).toBeCloseTo(Number(outputs['predict'][1]), 5);
});

test('a version that Python logged replaces another one as a canary', async () => {
  const { stores, models } = insideOf(headrace);
  const source = await new RegistrySource(stores).find('rolled');
  for (const version of ['1', '2']) await source?.prepare?.(version);
  await stores.registry.moveAlias('rolled', 'champion', { expected: null, to: 1, at: 1 });
  await models.named('rolled').server.refresh();
  await expect(stores.registry.deleteVersion('rolled', 1, { at: 2 })).rejects.toMatchObject({
    code: 'REGISTRY_NEEDED',
  });
  const control = headrace.rollout(rolled);
  expect(await control.start(2, { by: 'ann', reason: 'again' })).toMatchObject({
    state: 'canary',
    champion: 1,
    candidate: 2,
  });
  const requests = Array.from({ length: 60 }, (_, i) => ({
    id: `r${i}`,
    request: { name: 'n', a: i / 9, b: 1, c: 1 },
  }));
  const cohorts = new Set(
    (await headrace.predictMany(rolled, requests)).map(({ cohort, version }) => `${cohort} ${version}`),
  );
  expect(cohorts).toEqual(new Set(['canary 2', 'baseline 1']));
  await control.promote({ by: 'ann', reason: 'good' });
  expect(await stores.registry.alias('rolled', 'champion')).toBe(2);
  expect(await stores.registry.alias('rolled', 'previous')).toBe(1);
});

test('a version in Python of a model that no project declares replaces another one as a canary', async () => {
  const { registry } = insideOf(headrace).stores;
  const source = await new RegistrySource(insideOf(headrace).stores).find('loose');
  for (const version of ['1', '2']) await source?.prepare?.(version);
  await registry.moveAlias('loose', 'champion', { expected: null, to: 1, at: 1 });
  const control = await headrace.rolloutOf('loose');
  await control.start(2, { by: 'ann', reason: 'again', plan: { shadow: false, steps: [50] } });
  const { inputs } = site.logged['loose'];
  const answers = await Promise.all(
    Array.from({ length: 40 }, async (_, caller) => {
      const parameters = { headrace_key: `c${caller}` };
      const { json } = await site.post('/v2/models/loose/infer', { inputs, parameters });
      return `${Object(json).parameters?.headrace_cohort} ${Object(json).model_version}`;
    }),
  );
  expect(new Set(answers)).toEqual(new Set(['canary 2', 'baseline 1']));
  await headrace.tick();
  const { evidence } = (await control.status()) ?? {};
  const { canary, baseline } = evidence ?? {};
  // A score is the second of two probabilities, once a row.
  const rows = inputs[0]?.shape[0] ?? 0;
  expect([canary?.errors, baseline?.errors]).toEqual([0, 0]);
  expect((canary?.scores.n ?? 0) + (baseline?.scores.n ?? 0)).toBe(40 * rows);
  await control.promote({ by: 'ann', reason: 'good' });
  expect([await registry.alias('loose', 'champion'), await registry.alias('loose', 'previous')]).toEqual([2, 1]);
});

describe('refused', () => {
  test('requirements that choose another index are named', async () => {
    const { status, json } = await site.post('/v2/repository/models/evil/load', {});
    expect(status).toBe(400);
    expect(Object(json).error).toMatch(/--index-url.*it is an option of pip/);
  });

  test('without models.python a version in Python says what to set', async () => {
    const { stores } = insideOf(headrace);
    const source = new RegistrySource({ ...stores, python: null });
    const found = await source.find('frames');
    await expect(found?.open('1', '')).rejects.toMatchObject({
      code: 'PYTHON_OFF',
      hint: expect.stringContaining('models'),
    });
  });
});
