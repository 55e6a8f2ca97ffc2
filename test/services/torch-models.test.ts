// @module-tag deep
import { afterAll, beforeAll, expect, test } from 'vitest';
import { defineProject } from '../../src/features/define/declare.ts';
import { addressOf } from './addresses.ts';
import { expectOutputs, openPythonSite, type PythonSite } from './python-site.ts';

let site: PythonSite;

beforeAll(async () => {
  const [interpreter = ''] = addressOf('MLFLOW_TORCH');
  site = await openPythonSite({ project: defineProject('torch', {}), interpreter, program: 'log_torch_models.py' });
}, 1_200_000);

afterAll(() => site?.close());

const KINDS = ['network', 'columns', 'picture', 'script', 'exported', 'weights'];

test.each(KINDS)('%s, a model of PyTorch, answers as MLflow itself predicts', { timeout: 1_200_000 }, async (name) => {
  expect(await site.prepared(name)).toBe('process');
  const { inputs, outputs } = site.logged[name];
  expectOutputs(await site.infer(name, inputs), outputs);
  await Promise.all(inputs[0].shape[0] === 20 ? [1, 2, 3].map(() => site.infer(name, inputs)) : []);
});

test('a parameter reaches a network that a PythonModel builds', { timeout: 1_200_000 }, async () => {
  await site.prepared('weights');
  const { inputs } = site.logged['weights'];
  const { probability, good } = await site.infer('weights', inputs, { above: 0.9 });
  expect(good).toEqual(probability.map((value) => Number(value) > 0.9));
});
