// @module-tag deep
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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
  streamView,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import { openMlflowContext } from '../../src/server/mlflow/mlflow-context.ts';
import { type RunningRegistry, startRegistryServer } from '../../src/server/mlflow/registry-server.ts';
import { RegistrySource } from '../../src/serving/models/registry-source.ts';
import { addressOf } from './addresses.ts';

const PROGRAM = fileURLToPath(new URL('./python/log_models.py', import.meta.url));

interface InputTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data: readonly unknown[];
}

interface Logged {
  readonly inputs: readonly InputTensor[];
  readonly outputs: Readonly<Record<string, readonly unknown[]>>;
}

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

const directory = mkdtempSync(join(tmpdir(), 'headrace-python-'));
let headrace: Headrace;
let server: RunningServer;
let registry: RunningRegistry;
let logged: Readonly<Record<string, Logged>>;

beforeAll(async () => {
  const environments = cached('python-environments');
  mkdirSync(environments, { recursive: true });
  symlinkSync(environments, join(directory, 'python'));
  const [interpreter = ''] = addressOf('MLFLOW_MODELS');
  const options = { directory, models: { python: { interpreter, memory: '4GiB' } } };
  headrace = await openHeadrace({ project, environment: options });
  server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 1_000_000 });
  const { stores } = insideOf(headrace);
  const onFault = (error: unknown) => console.error(error);
  const context = openMlflowContext({ ...stores, clock: Date.now, webhooks: [], checkPromotion: null, onFault });
  registry = await startRegistryServer(context, { host: '127.0.0.1', port: 0, directory, version: '3.17.2', onFault });
  logged = await logModels(interpreter, registry.url);
}, 600_000);

afterAll(async () => {
  await server?.close();
  await registry?.close();
  await headrace?.close();
  rmSync(directory, { recursive: true, force: true });
});

async function logModels(python: string, url: string): Promise<Readonly<Record<string, Logged>>> {
  const child = spawn(python, [PROGRAM, url], { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
  let [output, errors] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  await once(child, 'close');
  const line = output.split('\n').find((each) => each.startsWith('MODELS '));
  if (line === undefined) throw new Error(`the program logged nothing: ${errors.slice(-2_000)}`);
  return JSON.parse(line.slice('MODELS '.length));
}

async function post(path: string, body: object): Promise<{ readonly status: number; readonly json: unknown }> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${server.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, json: await response.json() };
}

/** Makes its environment, and says how it is served. */
async function prepared(name: string): Promise<string> {
  // Not by HTTP: a client gives up before a slow machine has installed the packages.
  const { host } = insideOf(headrace);
  await host.load(name);
  return host.findLoaded(name, '')?.place ?? 'nowhere';
}

async function infer(
  name: string,
  inputs: readonly InputTensor[],
): Promise<Readonly<Record<string, readonly unknown[]>>> {
  const { status, json } = await post(`/v2/models/${name}/infer`, { inputs });
  expect(status, JSON.stringify(json)).toBe(200);
  const { outputs } = json as { readonly outputs: readonly InputTensor[] };
  return Object.fromEntries(outputs.map(({ name: output, data }) => [output, data]));
}

function closeTo(found: readonly unknown[], expected: readonly unknown[]): void {
  expect(found.length).toBe(expected.length);
  found.forEach((value, i) => {
    if (typeof expected[i] === 'number') expect(value).toBeCloseTo(expected[i], 5);
    else expect(value).toEqual(expected[i]);
  });
}

const KINDS = [
  ...['logistic', 'probability', 'linear', 'forest', 'boosted', 'unsigned', 'tensors', 'pipeline', 'texts'],
  ...['frames', 'dicts', 'code', 'lightgbm', 'xgboost'],
];

test.each(KINDS)('%s answers tensors as MLflow itself predicts', { timeout: 600_000 }, async (name) => {
  const place = await prepared(name);
  const { inputs, outputs } = logged[name];
  const found = await infer(name, inputs);
  expect(new Set(Object.keys(found))).toEqual(new Set(Object.keys(outputs)));
  for (const [output, values] of Object.entries(outputs)) closeTo(found[output], values);
  console.warn(`${name}: ${place === 'process' ? 'a worker' : 'ONNX'}`);
});

test('a version by its alias predicts from features, and its prediction is in the log', {
  timeout: 600_000,
}, async () => {
  await prepared('probability');
  const { server: served } = insideOf(headrace).models.named('probability');
  await served.refresh();
  expect(served.serving?.signature.features).toEqual(['a', 'b', 'c']);
  const { inputs, outputs } = logged['probability'];
  const [a, b, c] = inputs.map(({ data }) => Number(data[0]));
  const { status, json } = await post('/v1/predictions/probability', { id: 'p1', request: { name: 'n', a, b, c } });
  expect(status, JSON.stringify(json)).toBe(200);
  expect(Object(json).score).toBeCloseTo(Number(outputs['predict'][1]), 5);
});

test('a version that Python logged replaces another one as a canary', { timeout: 600_000 }, async () => {
  const { stores, models } = insideOf(headrace);
  const source = await new RegistrySource(stores).find('rolled');
  for (const version of ['1', '2']) await source?.prepare?.(version);
  await stores.registry.moveAlias('rolled', 'champion', { expected: null, to: 1, at: 1 });
  await models.named('rolled').server.refresh();
  await expect(stores.registry.deleteVersion('rolled', 1, 2)).rejects.toMatchObject({ code: 'REGISTRY_NEEDED' });
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

describe('refused', () => {
  test('requirements that choose another index are named', { timeout: 600_000 }, async () => {
    const { status, json } = await post('/v2/repository/models/evil/load', {});
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
