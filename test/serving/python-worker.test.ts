import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { workerEnvironment } from '../../src/backends/python/program-environment.ts';
import { PythonModel } from '../../src/backends/python/python-model.ts';
import type { Tensor } from '../../src/schema/tensor.ts';
import { until } from '../until.ts';

const PYTHON = spawnSync('python3', ['-I', '-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' });
const MIB = 2 ** 20;

/** What a run does, by its first number; test/serving/python/headrace_model.py has the programs. */
const SUM = 0;

interface Limits {
  readonly memoryBytes?: number;
  readonly processes?: number;
  readonly timeoutMs?: number;
  readonly startMs?: number;
  readonly job?: string | null;
}

/** The home of the worker that was opened last. */
let lastHome = '';

/** Processes with a word in their command line: the numbers that a worker sees are those of its own namespace. */
function processesWith(word: string): readonly string[] {
  return readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return readFileSync(`/proc/${name}/cmdline`, 'latin1').split('\0').includes(word);
    } catch {
      return false;
    }
  });
}

/** The worker's own program, with a model in plain Python. */
async function openModel(words = 'serve', limits: Limits = {}): Promise<PythonModel> {
  const folder = mkdtempSync(join(tmpdir(), 'headrace-worker-'));
  const [home, files] = [join(folder, 'home'), join(folder, 'model')];
  lastHome = home;
  for (const each of [home, files]) mkdirSync(each);
  writeFileSync(join(files, 'words'), words);
  const program = join(folder, 'headrace_worker.py');
  for (const name of ['headrace_worker.py', 'headrace_isolation.py'])
    copyFileSync(fileURLToPath(new URL(`../../src/backends/python/${name}`, import.meta.url)), join(folder, name));
  copyFileSync(fileURLToPath(new URL('python/headrace_model.py', import.meta.url)), join(folder, 'headrace_model.py'));
  const { memoryBytes = 512 * MIB, processes = 16, timeoutMs = 60_000, startMs = 60_000, job = null } = limits;
  const isolation = { hide: [], keep: [files], home, own: [folder], network: false, required: false };
  const model = await PythonModel.open({
    program: {
      of: { model: 'tiny', version: 1 },
      command: [PYTHON.stdout.trim(), '-I', '-B', program],
      env: workerEnvironment(PYTHON.stdout.trim(), home, 1),
      cwd: home,
      limits: { memoryBytes, processes, frameBytes: 64 * MIB },
    },
    load: { kind: 'load', path: files, limits: { memory: memoryBytes, processes }, isolation },
    startMs,
    timeoutMs,
    job,
    onClosed: async () => rmSync(folder, { recursive: true, force: true }),
  });
  onTestFinished(() => model.close());
  return model;
}

function rows(...values: readonly (readonly [number, number])[]): readonly Tensor[] {
  return [{ name: 'X', type: 'FP32', shape: [values.length, 2], data: Float32Array.from(values.flat()) }];
}

/** Whether it answers right, whatever came before. */
async function answers(model: PythonModel): Promise<void> {
  const [{ data }] = await model.run(rows([SUM, 3], [20, 20]), ['SUM']);
  expect([...(data as Float32Array)]).toEqual([3, 40]);
}

describe.skipIf(PYTHON.status !== 0)('a worker in Python', () => {
  test('its tensors pass both ways, and it names its inputs, outputs and example', async () => {
    const model = await openModel();
    expect(model.signature.inputs).toEqual([{ name: 'X', type: 'FP32', shape: [-1, 2] }]);
    expect(model.examples[0][0].data).toEqual(Float32Array.of(0, 1));
    await answers(model);
    const [empty] = await model.run(rows(), ['SUM']);
    expect(empty.shape).toEqual([0]);
    await Promise.all(Array.from({ length: 20 }, () => answers(model)));
  });

  test('it has no variable of the server in its environment', async () => {
    process.env['HEADRACE_TEST_SECRET'] = 'secret';
    onTestFinished(() => {
      delete process.env['HEADRACE_TEST_SECRET'];
    });
    const [{ data }] = await (await openModel()).run(rows([SUM, 1]), ['ENV']);
    const names = Buffer.from(data[0] as Uint8Array)
      .toString()
      .split(' ');
    const allowed = Object.keys(workerEnvironment('/usr/bin/python3', '/tmp', 1)).concat('HEADRACE_WORKER');
    expect(names.filter((name) => !allowed.includes(name) && name !== 'LC_CTYPE')).toEqual([]);
  });

  test.each([
    ['prints without end', 1],
    ['comes back twice from a fork', 2],
  ])('a model that %s answers, and is not heard', async (_, code) => {
    const model = await openModel();
    await model.run(rows([code, 1]), ['SUM']);
    await answers(model);
    expect(model.report.restarts).toBe(0);
  });

  test.each([
    ['raises', 10, /ValueError: these rows are wrong/],
    ['exits by an exception', 11, /SystemExit/],
  ])('a model that %s fails that run alone (MODEL_RUN)', async (_, code, text) => {
    const model = await openModel();
    await expect(model.run(rows([code, 1]), ['SUM'])).rejects.toMatchObject({
      code: 'MODEL_RUN',
      message: expect.stringMatching(text),
    });
    await answers(model);
    expect(model.report.restarts).toBe(0);
  });

  test.each([
    ['ends', 4, 'PYTHON_ENDED'],
    ['crashes', 5, 'PYTHON_ENDED'],
    ['sends no JSON', 6, 'PYTHON_FRAME'],
    ['sends a size without end', 7, 'PYTHON_FRAME'],
    ['says more bytes than it sends', 12, 'PYTHON_FRAME'],
    ['asks for more memory than it may', 8, /PYTHON_LIMIT|MODEL_RUN|PYTHON_ENDED/],
    ['starts more processes than it may', 9, 'PYTHON_LIMIT'],
    ['hangs', 3, 'PYTHON_TIME'],
    ['spins and ignores signals', 15, 'PYTHON_TIME'],
    ['closes its socket', 14, 'PYTHON_TIME'],
  ])('a worker that %s fails its own runs, and another one answers', async (_, code, expected) => {
    const timed = expected === 'PYTHON_TIME';
    const model = await openModel('serve', { memoryBytes: 256 * MIB, ...(timed ? { timeoutMs: 1_000 } : {}) });
    const failed = model.run(rows([code, 1]), ['SUM']);
    await expect(failed).rejects.toMatchObject({ code: expect.stringMatching(expected) });
    await until(async () =>
      answers(model).then(
        () => true,
        () => false,
      ),
    );
    expect(model.report.state).toBe('ready');
  });

  test('the last words of a worker are in the error', async () => {
    const model = await openModel();
    await expect(model.run(rows([4, 1]))).rejects.toThrow(/the last words/);
  });

  test.skipIf(process.platform !== 'linux')('a process that left the session of its worker ends with it', async () => {
    const model = await openModel();
    const orphan = join(lastHome, 'orphan');
    await model.run(rows([13, 1]), ['SUM']);
    expect(processesWith(orphan)).toHaveLength(1);
    await model.close();
    await until(() => processesWith(orphan).length === 0);
  });

  test('tensors that do not fit never reach the worker (MODEL_TENSOR)', async () => {
    const model = await openModel();
    const wrong: Tensor = { name: 'X', type: 'FP64', shape: [1, 2], data: Float64Array.of(1, 2) };
    await expect(model.run([wrong])).rejects.toMatchObject({ code: 'MODEL_TENSOR' });
    await expect(model.run(rows([0, 1]), ['NONE'])).rejects.toMatchObject({ code: 'MODEL_TENSOR' });
    await answers(model);
  });

  test('a file that is refused says why (PYTHON_LOAD), and a start that hangs ends (PYTHON_TIME)', async () => {
    await expect(openModel('refuse')).rejects.toMatchObject({
      code: 'PYTHON_LOAD',
      message: expect.stringContaining('this file is no model'),
    });
    await expect(openModel('hang', { startMs: 1_000 })).rejects.toMatchObject({ code: 'PYTHON_TIME' });
  });

  test('a worker that ends again and again is started ever later, and requests meanwhile are refused (PYTHON_DOWN)', async () => {
    const model = await openModel();
    let refused: unknown = null;
    await until(async () => {
      await model.run(rows([4, 1]), ['SUM']).catch((error: unknown) => {
        if (Object(error).code === 'PYTHON_DOWN') refused = error;
      });
      return refused !== null;
    });
    expect(refused).toMatchObject({ retry: 'later', status: 503 });
    expect(model.report).toMatchObject({ state: 'waiting', reason: expect.stringContaining('ended') });
    await until(async () =>
      answers(model).then(
        () => true,
        () => false,
      ),
    );
  });

  test('a job whose runs end worker after worker has the next one at once, and is never refused', async () => {
    const model = await openModel('serve', { job: 'scored' });
    for (let end = 1; end <= 6; end += 1) {
      await expect(model.run(rows([4, 1]), ['SUM'])).rejects.toMatchObject({ code: 'PYTHON_ENDED' });
      expect(model.report).toMatchObject({ state: 'starting', restarts: end });
    }
    await answers(model);
  });

  test.each([null, 'scored'])(
    'workers that end while they load are started ever later, also those of a job (%s), and end no run (PYTHON_DOWN)',
    async (job) => {
      const model = await openModel('once', { job });
      await expect(model.run(rows([4, 1]), ['SUM'])).rejects.toMatchObject({ code: 'PYTHON_ENDED' });
      const codes = new Set<unknown>();
      await until(async () => {
        await answers(model).catch((error: unknown) => codes.add(Object(error).code));
        return model.report.restarts >= 3;
      });
      expect([...codes]).toEqual(['PYTHON_DOWN']);
      await until(() => model.report.state === 'waiting');
    },
  );

  test('closed, it refuses runs and its process has gone', async () => {
    const model = await openModel();
    await model.close();
    await expect(model.run(rows([0, 1]))).rejects.toMatchObject({ code: 'PYTHON_DOWN' });
  });
});

test.skipIf(PYTHON.status === 0)('workers in Python are not tested: there is no python3', () => {
  console.warn('python3 is missing: the worker of Python models is not tested');
});
