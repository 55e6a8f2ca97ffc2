import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LocalTrainingBackend } from '../../src/backends/local/training-backend.ts';
import { checkpointNames } from '../../src/training/runner/checkpoints.ts';
import type { JournalEntry } from '../../src/training/runner/journal.ts';
import { until } from '../until.ts';
import { END, fill, openProject, quick, slow } from './training-project.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'resume-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a training whose process is killed is resumed from its checkpoint, and gives the model of one without kills', async () => {
  const program = resolve('test/training/processes/train-project.ts');
  const child = spawn(process.execPath, ['--conditions=headrace-source', program, folder], { stdio: 'inherit' });
  const runs = join(folder, 'runs');
  const run = () => join(runs, readdirSync(runs)[0] ?? '');
  await until(() => checkpointNames(join(run(), 'checkpoints')).length > 0);
  child.kill('SIGKILL');
  await once(child, 'close');
  const headrace = await openProject(folder);
  try {
    const resumed = await headrace.train(slow, { resume: true });
    const journal: JournalEntry[] = readFileSync(join(run(), 'journal.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const submitted = journal.filter(({ event }) => event === 'submitted');
    expect(submitted).toHaveLength(2);
    expect(submitted[1]?.data['step']).toBeGreaterThan(0);
    expect(resumed.lineage.run).toMatchObject({ attempts: 2, cost: 0 });
    expect(existsSync(join(run(), 'checkpoints'))).toBe(false);
    const whole = await headrace.train(slow, { to: END });
    expect(resumed.artifact).toBe(whole.artifact);
    expect(resumed.lineage.trainingSet).toEqual(whole.lineage.trainingSet);
    await expect(headrace.train(slow, { resume: true })).rejects.toMatchObject({ code: 'TRAINING_RESUME' });
  } finally {
    await headrace.close();
  }
});

test.skipIf(!existsSync(`/proc/${process.pid}/task/${process.pid}/children`))(
  'a training of a library builds its set in another process, with the bytes that this one would write',
  async () => {
    const headrace = await openProject(join(folder, 'library'));
    try {
      await fill(headrace);
      const here = join(folder, 'here.parquet');
      await headrace.writeTrainingSet(quick, here, { to: END });
      const training = headrace.train(quick, { to: END });
      await until(() => childrenOf(process.pid).some((command) => command.includes('history-worker')));
      const { lineage } = await training;
      expect(lineage.trainingSet.digest).toBe(createHash('sha256').update(readFileSync(here)).digest('hex'));
    } finally {
      await headrace.close();
    }
  },
);

/** Command lines of the children of a process. */
function childrenOf(pid: number): readonly string[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) => {
    try {
      const pids = readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' ');
      return pids.map((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8'));
    } catch {
      return [];
    }
  });
}

test('ranks run within their limits: nice, policy, processors and data memory', async () => {
  const backend = new LocalTrainingBackend({
    folder: join(folder, 'gangs'),
    limits: { nice: 7, cpu: 'idle', disk: 'idle', cores: 1, memoryBytes: 512 * 2 ** 20 },
  });
  // Linux may schedule by sessions, of which a rank is one: the policy alone would count only within it.
  const session = '[ ! -e /proc/self/autogroup ] || cat /proc/self/autogroup';
  const script = `nice; ionice; taskset -p $$; ulimit -d; echo $OMP_NUM_THREADS; chrt -p $$ | head -1; ${session}`;
  await backend.submit({ id: 'g', command: ['sh', '-c', script], directory: folder, ranks: [{}] });
  await until(async () => (await backend.state('g')).ranks.every(({ state }) => state === 'ended'));
  await backend.cancel('g');
  const [nice, disk, cores, memory, threads, policy, group = ' nice 19'] = await backend.tail('g', 0, 9);
  expect([nice, disk, memory, threads]).toEqual(['7', 'idle', String(512 * 1024), '1']);
  expect(policy).toMatch(/SCHED_IDLE$/);
  expect(group).toMatch(/ nice 19$/);
  const mask = Number.parseInt(cores?.split(' ').at(-1) ?? '', 16);
  expect(availableParallelism() === 1 || Number.isInteger(Math.log2(mask))).toBe(true);
});

test('a program that takes more memory than its limit ends with an error, and the machine keeps its memory', async () => {
  const backend = new LocalTrainingBackend({ folder: join(folder, 'gangs'), limits: { memoryBytes: 300 * 2 ** 20 } });
  const script = 'const a = []; for (;;) a.push(Buffer.alloc(2 ** 24, 1));';
  await backend.submit({ id: 'g', command: [process.execPath, '-e', script], directory: folder, ranks: [{}] });
  await until(async () => (await backend.state('g')).ranks.every(({ state }) => state === 'ended'));
  const [rank] = (await backend.state('g')).ranks;
  expect(rank).not.toMatchObject({ code: 0 });
  await backend.cancel('g');
});

test('a training that would cost more than its budget ends before it, and registers nothing', async () => {
  const headrace = await openProject(folder, { training: { checkpoint: '50ms', pricePerHour: 3_600 } });
  try {
    await fill(headrace);
    // A second costs 1: the grace alone would pass the budget.
    await expect(headrace.train(slow, { to: END, budget: 5 })).rejects.toMatchObject({
      code: 'TRAINING_JOB',
      message: expect.stringContaining('budget'),
    });
    expect((await headrace.versions(slow)).versions).toEqual([]);
  } finally {
    await headrace.close();
  }
});
