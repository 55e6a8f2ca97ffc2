// @module-tag deep
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { runCommand } from '../../scripts/run-command.ts';
import type { SlurmResources } from '../../src/backends/slurm/slurm-script.ts';
import { SlurmTrainingBackend } from '../../src/backends/slurm/training-backend.ts';
import { trainingBackendContracts } from '../../src/testing/contracts/training-backend.ts';
import { checkpointNames } from '../../src/training/runner/checkpoints.ts';
import { superviseRun } from '../../src/training/runner/controller.ts';
import type { JournalEntry } from '../../src/training/runner/journal.ts';
import { parseRunSpec } from '../../src/training/runner/run-spec.ts';
import { shellPrograms } from '../training/gang-programs.ts';
import { countProgram, expectedState, stepsOf } from '../training/run-program.ts';
import { until } from '../until.ts';
import { addressOf } from './addresses.ts';
import { takeNode } from './slurm-nodes.ts';

process.env['SLURM_CONF'] = addressOf('SLURM_CONF')[0];
process.env['PATH'] = `${addressOf('SLURM_PATH')[0]}:${process.env['PATH']}`;
process.env['LD_LIBRARY_PATH'] = addressOf('SLURM_LIBRARIES')[0];

const resources: SlurmResources = {
  nodes: 1,
  cpus: 1,
  memoryGib: 1,
  gpusPerNode: 0,
  partition: 'low',
  seconds: 3_600,
  graceSeconds: 30,
  requeue: false,
};

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'slurm-'));
});
afterEach(async () => {
  await slurm('scancel', ['--user', String(process.getuid?.() ?? 0)]);
  rmSync(folder, { recursive: true, force: true });
});

function slurm(program: string, args: readonly string[]) {
  return runCommand(program, args, { cwd: folder });
}

const HELPER_FOLDER = resolve('src/training/runner');

function backend(changes: Partial<SlurmResources> = {}): SlurmTrainingBackend {
  return new SlurmTrainingBackend({
    folder: join(folder, 'gangs'),
    resources: { ...resources, ...changes },
    environment: { HELPER_FOLDER },
  });
}

/** Jobs of the other partition take all processors; `release` ends them. */
async function takeNodes() {
  const wrap = [
    '--partition=high',
    '--nodes=2',
    '--ntasks-per-node=2',
    '--parsable',
    '--output=/dev/null',
    '--wrap=sleep 3600',
  ];
  const { stdout } = await slurm('sbatch', wrap);
  return { release: () => slurm('scancel', [stdout.trim()]) };
}

describe('the back end of Slurm keeps the rules of its port', () => {
  for (const { rule, name, run } of trainingBackendContracts)
    test(`rule ${rule}: ${name}`, () => run({ open: backend, programs: shellPrograms, directory: folder }));
});

test('a gang of two ranks on two nodes is preempted, resumes from its checkpoint, and repeats no step', async () => {
  const gangs = backend({ nodes: 2 });
  const run = join(folder, 'run');
  const events: JournalEntry[] = [];
  const ended = superviseRun({
    run: 'count',
    folder: run,
    spec: parseRunSpec({
      command: countProgram,
      ranks: 2,
      targetSteps: 400,
      pollMs: 100,
      graceMs: 2_000,
      options: { every: 20, stepSeconds: 0.02 },
    }),
    backend: gangs,
    backoffMs: 10,
    onEntry: (entry) => events.push(entry),
  });
  await until(() => checkpointNames(join(run, 'checkpoints')).length > 0);
  const { release } = await takeNodes();
  await until(() => events.some(({ event }) => event === 'ended'));
  await release();
  const outcome = await ended;
  expect(outcome).toMatchObject({ state: 'completed', step: 400 });
  expect(outcome.ledger.attempts.map((row) => row.outcome)).toEqual(['preempted', 'completed']);
  expect(outcome.result).toMatchObject({ result: { state: expectedState(0, 400) } });
  for (const rank of [0, 1])
    for (const [, steps] of stepsOf(run, rank)) expect(steps).toEqual(steps.map((_, index) => (steps[0] ?? 0) + index));
  const environment = readFileSync(join(folder, 'gangs', 'count-2', 'job.log'), 'utf8');
  expect(environment).toBe('');
});

test.each(['down', 'killed'] as const)(
  'a node that is %s ends its gang of two, which restarts once from its checkpoint and repeats no step',
  async (fault) => {
    const gangs = backend({ nodes: 2 });
    const run = join(folder, 'run');
    const events: JournalEntry[] = [];
    const ended = superviseRun({
      run: 'count',
      folder: run,
      spec: parseRunSpec({
        command: countProgram,
        ranks: 2,
        targetSteps: 400,
        pollMs: 100,
        graceMs: 2_000,
        options: { every: 20, stepSeconds: 0.02 },
      }),
      backend: gangs,
      backoffMs: 10,
      onEntry: (entry) => events.push(entry),
    });
    await until(() => checkpointNames(join(run, 'checkpoints')).length > 0);
    const node = await takeNode('n2', fault);
    onTestFinished(node.bringBack);
    await until(() => events.some(({ event }) => event === 'ended'));
    await node.bringBack();
    const outcome = await ended;
    expect(outcome).toMatchObject({ state: 'completed', step: 400 });
    expect(outcome.ledger.attempts.map((row) => row.outcome)).toEqual(['preempted', 'completed']);
    expect(outcome.result).toMatchObject({ result: { state: expectedState(0, 400) } });
    for (const rank of [0, 1])
      for (const [, steps] of stepsOf(run, rank))
        expect(steps).toEqual(steps.map((_, index) => (steps[0] ?? 0) + index));
  },
);

test('a job with the controller inside is preempted, requeued by Slurm, and ends with every step once', async () => {
  const run = join(folder, 'run');
  const job = {
    version: 1,
    name: 'late',
    command: ['env', `HELPER_FOLDER=${HELPER_FOLDER}`, ...countProgram],
    options: { stepSeconds: 0.02 },
    steps: 400,
    memoryGib: 1,
    checkpointSeconds: 1,
    graceSeconds: 3,
    partition: 'low',
    directory: run,
  };
  mkdirSync(run);
  writeFileSync(join(folder, 'job.json'), JSON.stringify(job));
  const words = [
    '--conditions=headrace-source',
    resolve('src/cli/main.ts'),
    'train',
    'run',
    join(folder, 'job.json'),
    '--on',
    'slurm',
  ];
  const env = { ...process.env, PYTHONPATH: HELPER_FOLDER };
  const child = spawn(process.execPath, [...words, '--json'], { env, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.on('data', (bytes) => {
    out += String(bytes);
  });
  child.stderr.on('data', (bytes) => {
    err += String(bytes);
  });
  await until(() => checkpointNames(join(run, 'checkpoints')).length > 0);
  const { release } = await takeNodes();
  await until(() => err.lastIndexOf(' pending') > err.indexOf(' running on '));
  await release();
  // Slurm holds a requeued job back for two minutes.
  const [, id] = /job (\d+) pending/.exec(err) ?? [];
  await slurm('scontrol', ['update', `jobid=${id}`, 'StartTime=now']);
  await once(child, 'close');
  expect(err).toContain('1 requeues');
  expect(JSON.parse(out)).toMatchObject({ state: 'completed', ledger: { attempts: [{}, { outcome: 'completed' }] } });
  const done: { result: { state: string } } = JSON.parse(readFileSync(join(run, 'done.json'), 'utf8'));
  expect(done.result.state).toBe(expectedState(0, 400));
});
