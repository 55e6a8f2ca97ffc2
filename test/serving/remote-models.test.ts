import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { onnxProcesses } from '../../src/backends/onnx/onnx-processes.ts';
import { onnxThreads } from '../../src/backends/onnx/onnx-threads.ts';
import { rowsOfTensor, type Tensor } from '../../src/schema/tensor.ts';
import { ResponseCache } from '../../src/serving/oip/response-cache.ts';
import { modelRuntimeContracts } from '../../src/testing/contracts/model-runtime.ts';
import { InferQueue } from '../../src/versions/queue/infer-queue.ts';
import { ModelStatistics } from '../../src/versions/queue/model-statistics.ts';
import type { InferRequest } from '../../src/versions/request/infer-request.ts';
import { NO_PARAMETERS } from '../../src/versions/request/model-parameters.ts';
import { until } from '../until.ts';
import { addSubFile } from './onnx-files.ts';
import { runtimeSubject } from './runtime-subject.ts';

const INT32 = { type: 'INT32', shape: [1, 16] } as const;
const inputs = (value: number): readonly Tensor[] =>
  ['INPUT0', 'INPUT1'].map((name) => ({ name, ...INT32, data: new Int32Array(16).fill(value) }));

describe('models on threads keep the rules of the port', () => {
  for (const contract of modelRuntimeContracts)
    test(`rule ${contract.rule}: ${contract.name}`, () => contract.run(runtimeSubject(onnxThreads)));
});

test.each([
  ['a thread', onnxThreads],
  ['a process', onnxProcesses],
])('a file that is no model is refused by %s', async (_, runtime) => {
  await expect(runtime.load(Buffer.from('no model'))).rejects.toMatchObject({ code: 'MODEL_FILE' });
});

/** Children of this process that have a model. */
function childrenOf(): readonly number[] {
  const out = execFileSync('ps', ['--ppid', String(process.pid), '-o', 'pid=,args='], { encoding: 'utf8' });
  return out
    .split('\n')
    .filter((line) => line.includes('onnx-process'))
    .map((line) => Number(line.trim().split(' ')[0]));
}

test('a child that dies fails its own runs alone; another comes back warm, and no child is left at the end', async () => {
  const [dying, other] = await Promise.all([onnxProcesses.load(addSubFile()), onnxProcesses.load(addSubFile())]);
  expect((await dying.run(inputs(2)))[0].data[0]).toBe(4);
  const before = childrenOf();
  expect(before).toHaveLength(2);
  for (const pid of before) {
    const outcomes = [dying, other].map((model) => Array.from({ length: 50 }, () => model.run(inputs(3))));
    process.kill(pid, 'SIGKILL');
    const settled = await Promise.all(outcomes.map((runs) => Promise.allSettled(runs)));
    for (const one of settled.flat())
      if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'MODEL_FILE' });
      else expect(one.value[0].data[0]).toBe(6);
    // One of the two lost nothing.
    expect(settled.some((runs) => runs.every(({ status }) => status === 'fulfilled'))).toBe(true);
    await until(() => childrenOf().length === 2);
    for (const model of [dying, other]) expect((await model.run(inputs(5)))[0].data[0]).toBe(10);
  }
  expect(childrenOf().filter((pid) => before.includes(pid))).toEqual([]);
  await Promise.all([dying.close(), other.close()]);
  await until(() => childrenOf().length === 0);
});

test('a batch that is full runs at once, whatever the delay', async () => {
  const runs: number[] = [];
  const queue = new InferQueue({
    model: 'm',
    version: '1',
    limits: { mostRows: 1_000, mostRowsOfTenant: 1_000, weights: {} },
    rowsARun: () => 4,
    // Longer than the test may take.
    delayMs: 3_600_000,
    instances: 1,
    run: async (tensors) => {
      runs.push(tensors[0].shape[0]);
      return tensors;
    },
    statistics: new ModelStatistics(),
    clock: () => 0,
  });
  const asked = {
    tenant: '',
    deadline: Number.POSITIVE_INFINITY,
    signal: null,
    outputs: [],
    parameters: NO_PARAMETERS,
    priority: 1,
    rows: 1,
  };
  await Promise.all(Array.from({ length: 4 }, () => queue.submit({ ...asked, inputs: inputs(1) })));
  expect(runs).toEqual([4]);
});

test('a cached answer keeps its own bytes, not those of the batch that it was a part of', async () => {
  const batch: Tensor = { name: 'Y', type: 'FP32', shape: [1_000, 100], data: new Float32Array(100_000).fill(1) };
  const cache = new ResponseCache(1_000_000, () => 0);
  const served = { statistics: new ModelStatistics(), lastUsed: 0, parametersOf: () => NO_PARAMETERS } as never;
  const request: InferRequest = { model: 'm', version: '1', id: '', parameters: {}, inputs: inputs(1), outputs: null };
  const reply = { model: 'm', version: '1', id: '', queueMs: 0, computeMs: 0, outputs: [rowsOfTensor(batch, 3, 4)] };
  await cache.answer(served, request, async () => reply);
  const [kept] = (await cache.answer(served, request, () => Promise.reject(new Error('it is cached')))).outputs;
  expect(kept.data).toEqual(new Float32Array(100).fill(1));
  expect(Object(kept.data).buffer.byteLength).toBe(400);
});
