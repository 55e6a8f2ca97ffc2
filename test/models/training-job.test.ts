import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type HeadraceError, isHeadraceError } from '../../src/base/errors/fail.ts';
import { resolveEnvironment } from '../../src/environment/config.ts';
import { trainingRuns } from '../../src/site/back-ends/training-systems.ts';
import { type JobLimits, type RunJobOptions, runTrainingJob } from '../../src/training/job/run-job.ts';
import { JOB_FORMAT } from '../../src/training/job/training-job.ts';
import { hasEnded } from '../has-ended.ts';
import { until } from '../until.ts';
import { programPath } from './processes/run-process.ts';

const directories: string[] = [];

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'headrace-job-'));
  directories.push(path);
  return path;
}

afterEach(() => {
  for (const path of directories.splice(0)) rmSync(path, { recursive: true, force: true });
});

function options(deed: string, changes: Partial<RunJobOptions> = {}): RunJobOptions {
  return {
    command: [process.execPath, programPath('job-program.ts')],
    directory: directory(),
    job: {
      format: JOB_FORMAT,
      model: 'm',
      task: 'binary',
      trainingSet: '/data/training-set.parquet',
      features: ['a', 'b'],
      options: { kind: 'command', do: deed },
    },
    limits,
    open: openLocal,
    ...changes,
  };
}

const limits: JobLimits = {
  timeoutMs: 90_000,
  checkpointSeconds: 60,
  restarts: 0,
  budget: null,
  pricePerHour: 0,
};

const openLocal = trainingRuns(resolveEnvironment('test', {}, 'jobs'));

async function failureOf(job: RunJobOptions): Promise<HeadraceError> {
  try {
    await runTrainingJob(job);
  } catch (error) {
    if (isHeadraceError(error)) return error;
    throw error;
  }
  throw new Error('the job did not fail');
}

describe('a training program', () => {
  test('gets its job by HEADRACE_JOB, runs in its directory, tells its lines, and leaves a result', async () => {
    const lines: string[] = [];
    const { result } = await runTrainingJob(options('succeed', { onLine: (line) => lines.push(line) }));
    expect(result).toEqual({
      format: 1,
      model: 'model.onnx',
      input: 'features',
      output: 'probability',
      features: ['a', 'b'],
      metrics: { directory: 1, format: 1 },
      parity: { rows: [[null, null]], scores: [0.5] },
    });
    expect(new Set(lines)).toEqual(new Set(['read 3 rows', 'a warning', 'last line without an end']));
  });

  test('that fails is TRAINING_JOB with its exit code and its last lines', async () => {
    const { code, message } = await failureOf(options('fail'));
    expect(code).toBe('TRAINING_JOB');
    expect(message).toContain('exit code 3');
    expect(message).toContain('ValueError: no such column');
    expect(message).toContain('line 29');
    expect(message).not.toContain('line 20');
  });

  test('is shown without its environment and its arguments, which may hold secrets', async () => {
    const [program, file] = options('fail').command;
    process.env['HEADRACE_TEST_SECRET'] = 'hunter2';
    const { message } = await failureOf(options('fail', { command: [program, file, '--token=hunter2'] }));
    delete process.env['HEADRACE_TEST_SECRET'];
    expect(message).not.toContain('hunter2');
  });

  test('that cannot be started, or is killed from outside, is TRAINING_JOB', async () => {
    const absent = await failureOf(options('succeed', { command: ['/no/such/program'] }));
    expect(absent.code).toBe('TRAINING_JOB');
    expect(absent.message).toContain('exit code 127');
    const killed = await failureOf(options('die'));
    expect(killed.code).toBe('TRAINING_JOB');
    expect(killed.message).toContain('SIGKILL');
  });

  test('that takes no step in its time is ended, with everything that it started', async () => {
    let child = 0;
    const onLine = (line: string) => {
      child = Number(line.split(' ')[1]);
    };
    // A slow machine may not come to start anything in the first times.
    for (let timeoutMs = 1_000; child === 0; timeoutMs *= 2) {
      const { code, message } = await failureOf(options('hang', { limits: { ...limits, timeoutMs }, onLine }));
      expect(code).toBe('TRAINING_JOB');
      expect(message).toContain(`a kill after ${timeoutMs} ms`);
    }
    await until(() => hasEnded(child));
  });

  test('can be aborted, before it starts too', async () => {
    const controller = new AbortController();
    const onLine = () => controller.abort();
    const running = await failureOf(options('hang', { onLine, signal: controller.signal }));
    expect(running.message).toContain('an abort');
    const early = await failureOf(options('hang', { signal: controller.signal }));
    expect(early.message).toContain('an abort');
  });

  test('that prints a line without an end does not fill the memory', async () => {
    let longest = 0;
    await failureOf(
      options('flood', {
        onLine: (line) => {
          longest = Math.max(longest, line.length);
        },
      }),
    );
    expect(longest).toBeGreaterThan(0);
    expect(longest).toBeLessThan(100_000);
  });
});

describe('a result', () => {
  test.each(['nothing', 'rubbish', 'foreign', 'outside', 'newer', 'unequal'])(
    'that is %s is TRAINING_RESULT',
    async (deed) => {
      expect((await failureOf(options(deed))).code).toBe('TRAINING_RESULT');
    },
  );

  test('of an earlier run in the same directory is not taken for this one', async () => {
    const shared = directory();
    await runTrainingJob(options('succeed', { directory: shared }));
    expect((await failureOf(options('nothing', { directory: shared }))).code).toBe('TRAINING_RESULT');
  });

  test('has nowhere to go where the directory cannot be made: TRAINING_DIRECTORY', async () => {
    const file = join(directory(), 'file');
    writeFileSync(file, '');
    expect((await failureOf(options('succeed', { directory: join(file, 'run') }))).code).toBe('TRAINING_DIRECTORY');
  });
});
