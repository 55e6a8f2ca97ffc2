import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { onnxRuntime } from '../../src/backends/onnx/onnx-runtime.ts';
import { onnxThreads } from '../../src/backends/onnx/onnx-threads.ts';
import { tryOutOnnx } from '../../src/backends/onnx/try-out.ts';
import type { LoadedModel, ModelRuntime } from '../../src/ports/model-runtime.ts';
import type { Tensor } from '../../src/schema/tensor.ts';
import type { InferCaller, InferRequest } from '../../src/serving/oip/infer-request.ts';
import type { InferLane } from '../../src/serving/rollout/infer-lanes.ts';
import { ModelHost, type ModelHostOptions } from '../../src/serving/runtime/model-host.ts';
import type { ModelSource, SourceModel } from '../../src/serving/runtime/model-source.ts';
import { TritonRepository } from '../../src/serving/runtime/triton-repository.ts';
import { modelRuntimeContracts } from '../../src/testing/contracts/model-runtime.ts';
import { nextMillisecond, until } from '../until.ts';
import { addSubFile, identityFile, onnxFile } from './onnx-files.ts';

/** Much longer than a run on the thread of the requests may be. */
const SLOW_RUN_MS = 8;

/** The unit of a request's time limit is the microsecond. */
const MILLISECOND_US = 1_000;

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A repository of models; `files` by path. */
function repository(files: Readonly<Record<string, string | Uint8Array>>): string {
  const root = mkdtempSync(join(tmpdir(), 'headrace-host-'));
  folders.push(root);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

function hostOf(root: string, options: Partial<ModelHostOptions> = {}): ModelHost {
  return new ModelHost({
    sources: [new TritonRepository(root)],
    runtimes: { here: onnxRuntime, thread: onnxThreads, process: null, tryOut: null, memory: () => 0 },
    limits: { mostRows: 100, mostRowsOfTenant: 50, weights: {} },
    budgetBytes: Number.POSITIVE_INFINITY,
    idleMs: Number.POSITIVE_INFINITY,
    loadsOnRequest: true,
    cacheBytes: 1_000_000,
    clock: Date.now,
    onFault: () => undefined,
    ...options,
  });
}

const nobody: InferCaller = { tenant: '', deadline: Number.POSITIVE_INFINITY, signal: null };

function int32(name: string, value: number, rows = 1): Tensor {
  return { name, type: 'INT32', shape: [rows, 16], data: new Int32Array(16 * rows).fill(value) };
}

function request(model: string, value = 1, more: Partial<InferRequest> = {}): InferRequest {
  const inputs = [int32('INPUT0', value), int32('INPUT1', 1)];
  return { model, version: '', id: '', parameters: {}, inputs, outputs: null, ...more };
}

/** A runtime whose runs wait until they are let go, and that counts them. */
function gatedRuntime() {
  const runs: number[] = [];
  const open = { models: 0, loads: 0 };
  let gate = Promise.resolve();
  let openGate: () => void = () => undefined;
  let isWarm = false;
  const runtime: ModelRuntime = {
    platform: 'onnxruntime_onnx',
    ready: async () => undefined,
    load: async (file): Promise<LoadedModel> => {
      open.loads += 1;
      const inner = await onnxRuntime.load(file);
      open.models += 1;
      return {
        signature: inner.signature,
        run: async (inputs, outputs) => {
          if (isWarm) {
            runs.push(inputs[0].shape[0]);
            await gate;
          }
          return inner.run(inputs, outputs);
        },
        close: async () => {
          open.models -= 1;
          await inner.close();
        },
      };
    },
  };
  return {
    runtime,
    runs,
    open,
    /** From here on runs wait. */
    hold() {
      isWarm = true;
      gate = new Promise((resolve) => {
        openGate = resolve;
      });
    },
    release: () => openGate(),
  };
}

describe('its own thread keeps the rules of the port', () => {
  const rowSum = () =>
    onnxFile(
      [['X', 'FP32', ['n', 10]]],
      [['MatMul', ['X', 'W'], 'SUM']],
      [['SUM', 'FP32', ['n']]],
      [['W', 'FP32', [10], Buffer.from(new Float32Array(10).fill(1).buffer)]],
    );
  for (const contract of modelRuntimeContracts)
    test(`rule ${contract.rule}: ${contract.name}`, () =>
      contract.run({
        types: ['FP32', 'INT64', 'FP16', 'BYTES', 'BOOL'],
        anyBytes: false,
        addSub: () => onnxThreads.load(addSubFile()),
        identity: (type) => onnxThreads.load(identityFile(type)),
        rowSum: () => onnxThreads.load(rowSum()),
      }));

  test('bytes that are no model are MODEL_FILE', async () => {
    await expect(onnxThreads.load(new Uint8Array(9))).rejects.toMatchObject({ code: 'MODEL_FILE' });
  });
});

test('a file is opened in a child first: bytes that are no model are refused there, and say why', async () => {
  await expect(tryOutOnnx(Buffer.from('no model'))).rejects.toMatchObject({ code: 'MODEL_FILE' });
  await tryOutOnnx(addSubFile());
});

describe('loading', () => {
  test('concurrent first requests share one load', async () => {
    const { runtime, open } = gatedRuntime();
    const host = hostOf(repository({ 'm/1/model.onnx': addSubFile() }), {
      runtimes: { here: runtime, thread: null, process: null, tryOut: null, memory: () => 0 },
    });
    const replies = await Promise.all([1, 2, 3, 4].map((value) => host.infer(request('m', value), nobody)));
    expect(replies.map(({ outputs }) => outputs[0].data[0])).toEqual([2, 3, 4, 5]);
    expect(open.loads).toBe(1);
    await host.close();
    expect(open.models).toBe(0);
  });

  test('a failed reload keeps the version that serves, and the index says why', async () => {
    const root = repository({ 'm/1/model.onnx': addSubFile() });
    const host = hostOf(root);
    await host.load('m');
    writeFileSync(join(root, 'm/1/model.onnx'), 'broken');
    await expect(host.load('m')).rejects.toMatchObject({
      code: 'OIP_LOAD',
      message: expect.stringContaining('failed to load'),
    });
    expect((await host.infer(request('m'), nobody)).outputs[0].data[0]).toBe(2);
    expect(await host.index()).toEqual([
      { name: 'm', version: '1', state: 'READY', reason: expect.stringMatching(/cannot be run/) },
    ]);
    await host.close();
  });

  test('a version serves until the new one is warm, and requests that it has taken get its answers', async () => {
    const { runtime, open, hold, release } = gatedRuntime();
    const root = repository({ 'm/1/model.onnx': addSubFile() });
    const host = hostOf(root, {
      runtimes: { here: runtime, thread: null, process: null, tryOut: null, memory: () => 0 },
    });
    await host.load('m');
    mkdirSync(join(root, 'm/2'));
    writeFileSync(join(root, 'm/2/model.onnx'), addSubFile());
    hold();
    const taken = host.infer(request('m'), nobody);
    const reloading = host.load('m');
    release();
    expect((await taken).version).toBe('1');
    await reloading;
    expect((await host.infer(request('m'), nobody)).version).toBe('2');
    await until(() => open.models === 1);
    await host.close();
  });

  test('an idle model sleeps and its next request wakes it; one that a call unloads stays away', async () => {
    const host = hostOf(repository({ 'm/1/model.onnx': addSubFile() }), { idleMs: 0 });
    await host.load('m');
    await until(async () => {
      await host.tick();
      return host.versions().length === 0;
    });
    expect((await host.infer(request('m'), nobody)).version).toBe('1');
    await host.unload('m');
    await expect(host.infer(request('m'), nobody)).rejects.toMatchObject({ code: 'OIP_UNAVAILABLE' });
    await host.close();
  });

  test('a budget of memory unloads the least recently used model, never a pinned or busy one', async () => {
    const file = addSubFile();
    const names = ['a', 'b', 'c', 'd'];
    const files = Object.fromEntries(names.map((name) => [`${name}/1/model.onnx`, file]));
    const host = hostOf(repository(files), { budgetBytes: 2.5 * file.length });
    const loaded = () => [...host.entries.values()].filter(({ state }) => state === 'ready').map(({ name }) => name);
    const unpin = host.pin('a');
    await host.load('a');
    await host.load('b');
    await host.load('c');
    expect(loaded()).toEqual(['a', 'c']);
    const unpinC = host.pin('c');
    await expect(host.load('d')).rejects.toMatchObject({ message: expect.stringContaining('models in use take') });
    expect(loaded()).toEqual(['a', 'c']);
    unpinC();
    // A model that sleeps is loaded by its next request.
    expect((await host.infer(request('b'), nobody)).version).toBe('1');
    expect(loaded()).toEqual(['a', 'b']);
    expect(host.sizeBytes).toBeLessThanOrEqual(2.5 * file.length);
    unpin();
    await host.close();
  });

  test('versions besides the one that answers are unloaded when nobody names them, never those of a rollout', async () => {
    const file = addSubFile();
    let [champion, rollout] = ['1', [] as readonly string[]];
    const model: SourceModel = {
      config: null,
      versions: ['1', '2', '3', '4'],
      get preferred() {
        return champion;
      },
      alias: () => null,
      open: () => ({ kind: 'onnx', file }),
      warmUps: () => [],
    };
    const source: ModelSource = { names: () => ['m'], find: (name) => (name === 'm' ? model : null) };
    const options = { sources: [source], inRollout: () => rollout, otherVersionsMs: 1e9 };
    const host = hostOf(repository({}), { ...options, budgetBytes: 2.5 * file.length });
    const loaded = () => host.versions().map(({ version }) => version);
    await host.load('m');
    for (champion of ['2', '3', '4']) await host.tick();
    expect(loaded()).toEqual(['3', '4']);
    rollout = ['3', '4'];
    await expect(host.find('m', '1')).rejects.toMatchObject({ message: expect.stringContaining('models in use take') });
    expect(loaded()).toEqual(['3', '4']);
    rollout = [];
    expect((await host.infer(request('m', 1, { version: '1' }), nobody)).version).toBe('1');
    expect(loaded()).toEqual(['1', '4']);
    for (const version of host.versions()) version.lastUsed = Number.NEGATIVE_INFINITY;
    rollout = ['1', '4'];
    await host.tick();
    expect(loaded()).toEqual(['1', '4']);
    rollout = [];
    await host.tick();
    expect(loaded()).toEqual(['4']);
    await host.close();
  });

  test('a model whose rollout is under way is not unloaded, for the budget or when it is idle', async () => {
    const file = addSubFile();
    const root = repository({ 'a/1/model.onnx': file, 'b/1/model.onnx': file });
    const inRollout = (model: string) => (model === 'a' ? ['1'] : []);
    const host = hostOf(root, { budgetBytes: 1.5 * file.length, idleMs: 0, inRollout });
    await host.load('a');
    await expect(host.load('b')).rejects.toMatchObject({ message: expect.stringContaining('models in use take') });
    for (const version of host.versions()) version.lastUsed = Number.NEGATIVE_INFINITY;
    await host.tick();
    expect(host.versions().map(({ name }) => name)).toEqual(['a']);
    await host.close();
  });

  test('loading a name that no source has leaves nothing behind', async () => {
    const host = hostOf(repository({ 'm/1/model.onnx': addSubFile() }));
    for (const name of ['x', '../m', 'm/1', '.', '..', '\0', 'a'.repeat(5_000)])
      await expect(host.load(name)).rejects.toMatchObject({ code: 'OIP_LOAD' });
    expect([...host.entries.keys()]).toEqual([]);
    await host.close();
  });

  test('a load brings its own configuration and files; a wrong one leaves the model', async () => {
    const host = hostOf(repository({ 'm/1/model.onnx': addSubFile() }));
    await host.load('m');
    const config = JSON.stringify({ platform: 'onnxruntime_onnx', max_batch_size: '4' });
    await host.load('m', { config, files: new Map([['7/model.onnx', addSubFile()]]) });
    const { version, config: served } = await host.find('m');
    expect([version, served.maxBatchSize]).toEqual(['7', 4]);
    for (const wrong of [
      { config: '{', files: new Map() },
      { config: '{"max_batch_size": -1}', files: new Map() },
      { config: '{"optimization": {}}', files: new Map() },
      { config, files: new Map([['../x', new Uint8Array(1)]]) },
      { config: null, files: new Map([['1/model.onnx', new Uint8Array(1)]]) },
    ])
      await expect(host.load('m', wrong)).rejects.toMatchObject({ message: expect.stringContaining('failed to load') });
    expect((await host.find('m')).version).toBe('7');
    await host.close();
  });
});

describe('waiting', () => {
  async function held() {
    const gated = gatedRuntime();
    const host = hostOf(repository({ 'm/1/model.onnx': addSubFile() }), {
      runtimes: { here: gated.runtime, thread: null, process: null, tryOut: null, memory: () => 0 },
    });
    await host.load('m');
    gated.hold();
    return { host, ...gated };
  }

  test('requests that come during a run share the next, and each gets its own rows', async () => {
    const { host, runs, release } = await held();
    const first = host.infer(request('m', 0), nobody);
    await until(() => runs.length === 1);
    const others = [1, 2, 3].map((value) => host.infer(request('m', value), nobody));
    release();
    const replies = await Promise.all([first, ...others]);
    expect(replies.map(({ outputs }) => [outputs[0].shape, outputs[0].data[15]])).toEqual(
      [0, 1, 2, 3].map((value) => [[1, 16], value + 1]),
    );
    expect(runs).toEqual([1, 3]);
    await host.close();
  });

  test('a request without rows gets none of those of the requests next to it', async () => {
    const { host, runs, release } = await held();
    const first = host.infer(request('m', 0), nobody);
    await until(() => runs.length === 1);
    const none = host.infer(request('m', 0, { inputs: [int32('INPUT0', 9, 0), int32('INPUT1', 9, 0)] }), nobody);
    const others = [1, 2].map((value) => host.infer(request('m', value), nobody));
    release();
    const replies = await Promise.all([first, none, ...others]);
    expect(replies.map(({ outputs }) => [outputs[0].shape, [...outputs[0].data].at(-1)])).toEqual([
      [[1, 16], 1],
      [[0, 16], undefined],
      [[1, 16], 2],
      [[1, 16], 3],
    ]);
    await host.close();
  });

  test('expired and cancelled requests leave the queue while another runs, and never run', async () => {
    const { host, runs, release } = await held();
    const first = host.infer(request('m'), nobody);
    await until(() => runs.length === 1);
    const gone = new AbortController();
    const cancelled = host.infer(request('m'), { ...nobody, signal: gone.signal });
    const expired = host.infer(request('m', 1, { parameters: { timeout: MILLISECOND_US } }), nobody);
    const late = host.infer(request('m'), { ...nobody, deadline: nextMillisecond() });
    gone.abort();
    for (const one of [cancelled, expired, late]) await expect(one).rejects.toMatchObject({ code: 'OIP_UNAVAILABLE' });
    const [{ queue, statistics }] = host.versions();
    expect(queue.pending).toBe(0);
    release();
    await first;
    expect(runs).toEqual([1]);
    expect(statistics.failures).toEqual({ REJECTED: 2, CANCELED: 1, BACKEND: 0, OTHER: 0 });
    await host.close();
  });

  test('a full queue rejects, says when to come back, and one caller cannot fill it', async () => {
    const { host, runs, release } = await held();
    const first = host.infer(request('m'), nobody);
    await until(() => runs.length === 1);
    const greedy = Array.from({ length: 80 }, () =>
      host.infer(request('m'), { ...nobody, tenant: 'greedy' }).then(
        () => 'ok',
        () => 'no',
      ),
    );
    const modest = Array.from({ length: 20 }, () =>
      host.infer(request('m'), { ...nobody, tenant: 'modest' }).then(
        () => 'ok',
        () => 'no',
      ),
    );
    const [{ queue }] = host.versions();
    await until(() => queue.pending === 70);
    await expect(
      host.infer(request('m', 1, { inputs: [int32('INPUT0', 1, 40), int32('INPUT1', 1, 40)] }), {
        ...nobody,
        tenant: 'third',
      }),
    ).rejects.toMatchObject({
      code: 'OIP_UNAVAILABLE',
      facts: { afterS: expect.any(Number) },
    });
    release();
    await first;
    expect((await Promise.all(greedy)).filter((one) => one === 'ok')).toHaveLength(50);
    expect((await Promise.all(modest)).filter((one) => one === 'ok')).toHaveLength(20);
    await host.close();
  });

  test('one bad request of a batch fails alone', async () => {
    const { host, runs, release } = await held();
    const first = host.infer(request('m'), nobody);
    await until(() => runs.length === 1);
    await expect(host.infer(request('m', 1, { inputs: [int32('INPUT0', 1)] }), nobody)).rejects.toMatchObject({
      code: 'OIP_REQUEST',
    });
    await expect(
      host.infer(request('m', 1, { outputs: [{ name: 'X', binary: true, classes: 0, shared: null }] }), nobody),
    ).rejects.toMatchObject({ code: 'OIP_REQUEST' });
    await expect(host.infer(request('m', 1, { parameters: { timeout: 'soon' } }), nobody)).rejects.toMatchObject({
      code: 'OIP_REQUEST',
    });
    release();
    await first;
    const { fail, failures, success } = (await host.find('m')).statistics;
    expect([fail.count, failures, success.count]).toEqual([3, { REJECTED: 0, CANCELED: 0, BACKEND: 0, OTHER: 3 }, 1]);
    await host.close();
  });
});

test('a slow model gets a thread, where its answers are the same', async () => {
  // 40 products with a matrix of 600 x 600 take more than 2 ms on any processor.
  const size = 600;
  const weights = Buffer.from(
    new Float32Array(size * size).map((_, i) => (i % size === Math.floor(i / size) ? 1 : 0)).buffer,
  );
  const rows = 600;
  const nodes = Array.from(
    { length: 40 },
    (_, i) => ['MatMul', [i === 0 ? 'X' : `v${i - 1}`, 'W'], i === 39 ? 'Y' : `v${i}`] as const,
  );
  const slow = onnxFile(
    [['X', 'FP32', [rows, size]]],
    nodes,
    [['Y', 'FP32', [rows, size]]],
    [['W', 'FP32', [size, size], weights]],
  );
  const host = hostOf(repository({ 'slow/1/model.onnx': slow }));
  await host.load('slow');
  expect((await host.find('slow')).place).toBe('thread');
  const data = Float32Array.from({ length: rows * size }, (_, i) => i % 7);
  const inputs: Tensor[] = [{ name: 'X', type: 'FP32', shape: [rows, size], data }];
  const { outputs } = await host.infer(request('slow', 1, { inputs }), nobody);
  expect([...outputs[0].data.slice(0, 9)]).toEqual([0, 1, 2, 3, 4, 5, 6, 0, 1]);
  await host.close();
});

test('a version whose runs are not as long as its warm-up said moves to the other place, and answers meanwhile', async () => {
  let [slow, closed] = [false, 0];
  const at = (runtime: ModelRuntime): ModelRuntime => ({
    ...runtime,
    load: async (file) => {
      const inner = await runtime.load(file);
      return {
        ...inner,
        signature: inner.signature,
        run: async (inputs, outputs) => {
          // As a run of the library does, it holds the thread.
          if (slow) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SLOW_RUN_MS);
          return inner.run(inputs, outputs);
        },
        close: async () => {
          closed += 1;
          await inner.close();
        },
      };
    },
  });
  const runtimes = { here: at(onnxRuntime), thread: at(onnxRuntime), process: null, tryOut: null, memory: () => 0 };
  const host = hostOf(repository({ 'm/1/model.onnx': addSubFile() }), { runtimes });
  await host.load('m');
  const place = async () => (await host.find('m')).place;
  const moved = async (to: string) => {
    for (const entry of host.entries.values()) entry.movedAt = Number.NEGATIVE_INFINITY;
    await until(async () => {
      const { outputs, version } = await host.infer(request('m', 3), nobody);
      expect([version, outputs[0].data[0]]).toEqual(['1', 4]);
      await host.tick();
      return (await place()) === to;
    });
  };
  slow = true;
  await moved('thread');
  slow = false;
  await moved('here');
  expect(closed).toBeGreaterThanOrEqual(2);
  // The counts of a version go with it.
  expect((await host.find('m')).statistics.inferences).toBeGreaterThan(2);
  await host.close();
});

test('a model that mixes its rows never shares a run, one that does not does', async () => {
  const softmax = onnxFile(
    [['X', 'FP32', ['n', 2]]],
    [
      ['ReduceMean', ['X'], 'M'],
      ['Sub', ['X', 'M'], 'Y'],
    ],
    [['Y', 'FP32', ['n', 2]]],
  );
  const host = hostOf(repository({ 'mixing/1/model.onnx': softmax, 'plain/1/model.onnx': addSubFile() }));
  await host.load('mixing');
  await host.load('plain');
  expect((await host.find('mixing')).warmed.joinsRows).toBe(false);
  expect((await host.find('plain')).warmed.joinsRows).toBe(true);
  await host.close();
});

test('an ensemble runs its steps, and a cached answer is that of the model', async () => {
  const config = (name: string, more: string) => `name: "${name}" ${more}
    input [{ name: "INPUT0" data_type: TYPE_INT32 dims: [16] }, { name: "INPUT1" data_type: TYPE_INT32 dims: [16] }]
    output [{ name: "OUTPUT0" data_type: TYPE_INT32 dims: [16] }, { name: "OUTPUT1" data_type: TYPE_INT32 dims: [16] }] max_batch_size: 8`;
  const step = (inputs: string, outputs: string) => `step [{ model_name: "m" model_version: -1 ${inputs} ${outputs} }]`;
  const map = (kind: string, entries: Readonly<Record<string, string>>) =>
    Object.entries(entries)
      .map(([key, value]) => `${kind}_map { key: "${key}" value: "${value}" }`)
      .join(' ');
  const steps = `platform: "ensemble" ensemble_scheduling {
    ${step(map('input', { INPUT0: 'INPUT0', INPUT1: 'INPUT1' }), map('output', { OUTPUT0: 'sum', OUTPUT1: 'difference' }))}
    ${step(map('input', { INPUT0: 'sum', INPUT1: 'difference' }), map('output', { OUTPUT0: 'OUTPUT0', OUTPUT1: 'OUTPUT1' }))} }`;
  const host = hostOf(
    repository({
      'm/1/model.onnx': addSubFile(),
      'm/config.pbtxt': config('m', 'platform: "onnxruntime_onnx" response_cache { enable: true }'),
      'both/config.pbtxt': config('both', steps),
    }),
  );
  // (a + b) + (a - b) = 2a; (a + b) - (a - b) = 2b.
  for (let i = 0; i < 2; i += 1) {
    const { outputs } = await host.infer(request('both', 20), nobody);
    expect(outputs.map(({ data }) => data[0])).toEqual([40, 2]);
  }
  expect((await host.find('m')).statistics.cacheHit.count).toBe(2);
  await host.close();
});

test('a request with a kept answer is a success, and a use of its model', async () => {
  const config = 'platform: "onnxruntime_onnx" max_batch_size: 8 response_cache { enable: true }';
  const host = hostOf(repository({ 'm/1/model.onnx': addSubFile(), 'm/config.pbtxt': config }), { clock: () => 7 });
  await host.infer(request('m'), nobody);
  const served = await host.find('m');
  const { lastUsed } = served;
  await nextMillisecond();
  await host.infer(request('m'), nobody);
  const { cacheHit, success, queue, inferences, executions, lastInference } = served.statistics;
  expect([cacheHit.count, success.count, queue.count]).toEqual([1, 2, 2]);
  expect([inferences, executions, lastInference]).toEqual([1, 1, 7]);
  expect(served.lastUsed).toBeGreaterThan(lastUsed);
  await host.close();
});

test('while the candidate of a rollout is not loaded, the baseline counts no more than the canary', async () => {
  const counted: string[] = [];
  const faults: unknown[] = [];
  const laneOf = ({ id }: InferRequest): InferLane => ({
    version: '1',
    needed: id === 'alone' ? ['1'] : ['1', '2'],
    cohort: 'baseline',
    rollout: 'r',
    answered: (answer) => {
      counted.push(id);
      return answer();
    },
  });
  const host = hostOf(repository({ 'm/1/model.onnx': addSubFile() }), {
    laneOf,
    onFault: (error) => faults.push(error),
  });
  await host.load('m');
  for (const id of ['both', 'alone'])
    expect(await host.infer(request('m', 1, { id }), nobody)).toMatchObject({ version: '1' });
  expect(counted).toEqual(['alone']);
  // It tried to load the other version, which is absent here.
  await until(() => faults.length === 1);
  expect(faults).toMatchObject([{ code: 'OIP_UNKNOWN' }]);
  await host.close();
});
