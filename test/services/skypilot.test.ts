// @module-tag deep
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runCommand } from '../../scripts/run-command.ts';
import { parseQueue, rankOf } from '../../src/backends/skypilot/sky-job.ts';
import { SkypilotTrainingBackend } from '../../src/backends/skypilot/training-backend.ts';
import { uniformProgress } from '../../src/cost/spot/policies/uniform-progress.ts';
import { controllerWords, parseExportJob, shellLine } from '../../src/training/export/export-job.ts';
import { skypilotTask } from '../../src/training/export/export-skypilot.ts';
import { superviseRun } from '../../src/training/runner/controller.ts';
import type { JournalEntry } from '../../src/training/runner/journal.ts';
import { parseRunSpec, type RunSpecInput } from '../../src/training/runner/run-spec.ts';
import { TriedSpot } from '../../src/training/runner/tried-spot.ts';
import { skyCommand, skyTask } from '../training/sky-command.ts';
import { until } from '../until.ts';
import { addressOf } from './addresses.ts';

let folder = '';
let sky: ReturnType<typeof skyCommand>;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sky-'));
  sky = skyCommand(folder);
});
afterEach(() => {
  sky.close();
  rmSync(folder, { recursive: true, force: true });
});

function backend(timeoutMs = 300_000): SkypilotTrainingBackend {
  const { program } = sky;
  return new SkypilotTrainingBackend({
    folder: join(folder, 'tasks'),
    task: skyTask,
    program,
    graceSeconds: 1,
    timeoutMs,
  });
}

/** As the controller inside prints: it resumes at the newest checkpoint, every tenth step. `last` ends it early. */
function program(last: number): [string, ...string[]] {
  const script = [
    `at=$(cat ${folder}/checkpoint 2>/dev/null || echo 0)`,
    `while [ $at -lt ${last} ]; do at=$((at + 10)); echo $at > ${folder}/checkpoint; echo "progress: step $at"; sleep 0.1; done`,
  ].join('\n');
  return ['sh', '-c', script];
}

const waits: [string, ...string[]] = ['sh', '-c', `echo "progress: step 10"; while :; do sleep 0.1; done`];

function supervise(spec: Omit<RunSpecInput, 'pollMs'>, onEntry: (entry: JournalEntry) => void = () => {}, more = {}) {
  mkdirSync(join(folder, 'run'), { recursive: true });
  return superviseRun({
    run: 'late',
    folder: join(folder, 'run'),
    spec: parseRunSpec({ targetSteps: 100, pollMs: 150, graceMs: 0, ...spec }),
    backend: backend(),
    backoffMs: 1,
    onEntry,
    ...more,
  });
}

const outcomes = (outcome: Awaited<ReturnType<typeof superviseRun>>) =>
  outcome.ledger.attempts.map((row) => row.outcome);

test('a job runs to its last step; its cost counts the seconds that SkyPilot counts', async () => {
  const outcome = await supervise({ command: program(100), pricePerHour: 60, budget: 10 });
  expect(outcome).toMatchObject({ state: 'completed', step: 100, ledger: { cost: 1, seconds: 60 } });
  expect(sky.launched()).toEqual([1]);
});

test('a preemption that SkyPilot does not see, and a lost worker under a job that counts as running, are hangs: the job is submitted again', async () => {
  const done = supervise({ command: program(400), targetSteps: 400, hangMs: 2_500, killRestarts: 20 });
  await until(() => sky.launched().includes(1) && sky.job(1).pid > 0 && checkpoint() >= 20);
  sky.takeInstances(1);
  const outcome = await done;
  expect(outcome).toMatchObject({ state: 'completed', step: 400 });
  expect(new Set(outcomes(outcome))).toEqual(new Set(['hang', 'completed']));
  expect(sky.job(1).status).toBe('CANCELLED');
});

function checkpoint(): number {
  try {
    return Number(readFileSync(join(folder, 'checkpoint'), 'utf8'));
  } catch {
    return 0;
  }
}

test('a job that recovers waits for instances: it does not hang, and continues from its checkpoint', async () => {
  const entries: JournalEntry[] = [];
  let looks = 0;
  const onPoll = () => {
    looks += 1;
  };
  const done = supervise({ command: waits, hangMs: 300 }, (entry) => entries.push(entry), { onPoll });
  await until(() => sky.launched().includes(1) && sky.job(1).pid > 0);
  sky.takeInstances(1);
  sky.change(1, { status: 'RECOVERING', recoveries: 1 });
  // Each look takes 150 ms or more: together more than a hang may take.
  const before = looks;
  await until(() => looks > before + 5);
  expect(entries.filter(({ event }) => event === 'ended')).toEqual([]);
  writeFileSync(join(folder, 'sky', 'job-1.log'), 'progress: step 100\n');
  sky.change(1, { status: 'SUCCEEDED' });
  expect(await done).toMatchObject({ state: 'completed', step: 100 });
});

test('a set-up that fails may be a preemption: it is tried again, within the limit of restarts', async () => {
  sky.plan({ status: 'FAILED_SETUP' });
  const outcome = await supervise({ command: program(100), killRestarts: 2 });
  expect(outcome).toMatchObject({ state: 'failed', class: 'unknownKill' });
  expect(outcomes(outcome)).toEqual(['unknownKill', 'unknownKill', 'unknownKill']);
  expect(outcome.tail.join()).toContain('the script said FAILED_SETUP');
});

test('a job that failed has the exit code of its program and is not tried again', async () => {
  const outcome = await supervise({ command: ['sh', '-c', 'echo broken; exit 9'] });
  expect(outcome).toMatchObject({ state: 'failed', class: 'userError', exit: { code: 9 }, tail: ['broken'] });
});

test('a job without resources costs nothing and is tried again', async () => {
  sky.plan({ status: 'FAILED_NO_RESOURCE' });
  const outcome = await supervise({ command: program(100), pricePerHour: 60, budget: 100 }, ({ event, data }) => {
    if (event === 'notProvisioned' && data['failures'] === 2) sky.plan({});
  });
  expect(outcome).toMatchObject({ state: 'completed', ledger: { cost: 1 } });
  expect(outcomes(outcome)).toEqual(['notProvisioned', 'notProvisioned', 'completed']);
});

test('a job that the queue has forgotten is lost, and submitted again', async () => {
  const done = supervise({ command: program(400), targetSteps: 400 });
  await until(() => checkpoint() >= 20 && sky.launched().includes(1));
  sky.takeInstances(1);
  sky.forget(1);
  const outcome = await done;
  expect(outcome).toMatchObject({ state: 'completed', step: 400 });
  expect(outcomes(outcome)).toEqual(['preempted', 'completed']);
});

test('a launch whose answer is late is no second job', async () => {
  sky.fault('late');
  const late = backend(3_000);
  await late.submit({ id: 'late-1', command: waits, directory: folder, ranks: [{}] });
  await late.submit({ id: 'late-1', command: waits, directory: folder, ranks: [{}] });
  expect(sky.launched()).toEqual([1]);
});

test.each(['down', 'text'] as const)(
  'a jobs controller that is %s is RUN_UNREACHABLE, a submission RUN_SUBMIT',
  async (fault) => {
    const gangs = backend();
    sky.fault(fault);
    await expect(gangs.state('late-1')).rejects.toMatchObject({ code: 'RUN_UNREACHABLE' });
    const gang = { id: 'late-1', command: waits, directory: folder, ranks: [{}] };
    await expect(gangs.submit(gang)).rejects.toMatchObject({ code: 'RUN_SUBMIT' });
    await expect(gangs.submit({ ...gang, id: '1-late' })).rejects.toMatchObject({ code: 'RUN_SUBMIT' });
    sky.fault('');
    await expect(gangs.state('late-1')).rejects.toMatchObject({ code: 'RUN_GANG' });
  },
);

/** An hour of the policy passes in a tenth of a second. */
function placer() {
  const job = { workS: 36_000, deadlineS: 43_200, gapS: 60, changeoverS: 720, priceRatio: 3 };
  return new TriedSpot({ job, policy: uniformProgress, spotPrice: 1, onDemandPrice: 3, speed: 36_000, retryS: 1_800 });
}

test('a job that waits for spot is cancelled and launched on demand when its policy says so', async () => {
  sky.plan({ waits: true });
  const outcome = await supervise({ command: program(100) }, () => {}, { placer: placer() });
  expect(outcome.state).toBe('completed');
  expect(outcome.ledger.attempts.map((row) => [row.placement, row.outcome])).toEqual([
    ['spot', 'switch'],
    ['on_demand', 'completed'],
  ]);
  expect([sky.job(1).spot, sky.job(2).spot]).toEqual([true, false]);
});

test('the real package takes the tasks that are exported, the commands that are called, and knows the states and the queue', async () => {
  const given = {
    version: 1,
    name: 'late',
    command: ['python3', "train's.py", '$HOME'],
    steps: 40,
    directory: '/data/late',
  };
  const gpus = { gpus: 8, accelerator: 'A100', spot: true, maxHourlyUsd: 40, bucket: 's3://late-runs', cpus: 32 };
  const jobs = [parseExportJob(given), parseExportJob({ ...given, ...gpus })];
  const texts = [
    ...jobs.map((job) => skypilotTask(job)),
    skypilotTask(jobs[1] ?? jobs[0], 'spot'),
    skypilotTask(jobs[1] ?? jobs[0], 'on_demand'),
  ];
  const tasks = texts.map((text, i) => {
    const path = join(folder, `task-${i}.yaml`);
    writeFileSync(path, text);
    return path;
  });
  const commands = [
    ['launch', '--yes', '--detach-run', '--name', 'late-1', String(tasks[0])],
    ['queue', '--verbose', '--all', '--output', 'json'],
    ['logs', '--no-follow', '--tail', '200', '7'],
    ['cancel', '--yes', '--graceful', '--graceful-timeout', '30', '7'],
  ];
  const asked = join(folder, 'asked.json');
  writeFileSync(asked, JSON.stringify({ tasks, commands }));
  const [python = ''] = addressOf('SKYPILOT_PYTHON');
  const { code, stdout, output } = await runCommand(python, [resolve('test/services/python/read-skypilot.py'), asked], {
    env: { HOME: folder, SKYPILOT_DISABLE_USAGE_COLLECTION: '1' },
  });
  expect(code, output).toBe(0);
  const read = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
  expect(read.tasks.map(({ spot }: { spot: unknown }) => spot)).toEqual([[false], [false, true], [true], [false]]);
  for (const [i, task] of read.tasks.entries()) {
    const { run, recovery } = task;
    expect(run).toBe(shellLine(controllerWords(jobs[Math.min(i, 1)] ?? parseExportJob(given), 30)));
    expect(recovery).toMatchObject({ max_restarts_on_errors: 0 });
  }
  expect(read.tasks[1]).toMatchObject({ accelerators: { A100: 8 }, maxHourlyCost: 40, mounts: ['/data/late'] });
  expect(read.options).toMatchObject([
    { name: 'late-1', detach_run: true, yes: true },
    { verbose: true, all: true, output_format: 'json' },
    { tail: 200, job_id: 7 },
    { graceful: true, graceful_timeout: 30, job_ids: [7] },
  ]);
  expect(JSON.parse(readFileSync(resolve('test/training/programs/sky-record.json'), 'utf8'))).toEqual(read.record);
  for (const [status, isTerminal] of Object.entries(read.statuses)) {
    const [job] = parseQueue(JSON.stringify([{ job_id: 1, status }])) ?? [];
    expect([status, job !== undefined && rankOf(job, []).state !== 'running']).toEqual([status, isTerminal]);
  }
});
