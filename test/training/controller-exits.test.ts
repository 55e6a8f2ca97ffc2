import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { parseExportJob } from '../../src/training/export/export-job.ts';
import { exportSlurm } from '../../src/training/export/export-slurm.ts';
import { childEnv } from '../child-env.ts';
import { type Ended, ended, lastJson } from '../cli/run-cli.ts';
import { until } from '../until.ts';
import { kubernetesServer } from './kubernetes-server.ts';
import { expectedState, hasPython } from './run-program.ts';
import { skyCommand } from './sky-command.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const STEPS = 200;
const STOPPED = 6;

let folder = '';
/** Folder of the run, which every machine of the other system sees. */
let shared = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'exits-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  shared = join(folder, 'shared');
  mkdirSync(join(folder, 'bin'));
  const program = readFileSync(new URL('programs/count.py', import.meta.url), 'utf8');
  // As a user writes it: the helper is on the path of the ranks.
  writeFileSync(join(folder, 'count.py'), program.replace(/^sys\.path.*$/m, ''));
  // The command of the image: this program, from its source.
  const own = `#!/bin/sh\nexec '${process.execPath}' --conditions=headrace-source '${MAIN}' "$@"\n`;
  writeFileSync(join(folder, 'bin', 'headrace'), own, { mode: 0o755 });
});

const jobOf = (more: object) => ({
  ...{
    version: 1,
    name: 'late',
    command: ['python3', join(folder, 'count.py')],
    steps: STEPS,
    directory: shared,
    image: 'late:3',
    claim: 'runs',
  },
  options: { every: 20, stepSeconds: 0.01 },
  ...more,
});

const variables = () => ({
  ...childEnv(),
  PATH: `${join(folder, 'bin')}:${process.env['PATH']}`,
});

/** Starts `headrace train run job.json` in the folder, with the other system's commands on its path. */
function followed(job: object, ...words: readonly string[]) {
  writeFileSync(join(folder, 'job.json'), JSON.stringify(job));
  const child = spawn(join(folder, 'bin', 'headrace'), ['train', 'run', 'job.json', '--json', ...words], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: variables(),
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, end: ended(child) };
}

/** Waits until the run has done this many steps. */
function reached(step: number): Promise<void> {
  return until(() => JSON.parse(readFileSync(join(shared, 'heartbeats', '0.json'), 'utf8')).step >= step);
}

function completesOnce(end?: Ended): void {
  if (end !== undefined) expect(end).toMatchObject({ code: 0 });
  expect(JSON.parse(readFileSync(join(shared, 'done.json'), 'utf8'))).toMatchObject({
    step: STEPS,
    result: { state: expectedState(0, STEPS) },
  });
}

test.skipIf(!hasPython)(
  'a pod whose controller is stopped does not succeed: another pod resumes, and completes',
  async () => {
    const server = await kubernetesServer(variables());
    onTestFinished(() => server.close());
    const { end } = followed(jobOf({ api: server.url }), '--on', 'kubernetes');
    await reached(25);
    server.stop('late-1');
    await until(() => server.codes('late-1').length > 0);
    expect(server.codes('late-1')).toEqual([STOPPED]);
    expect(server.condition('late-1')).toBe(null);
    completesOnce(await end);
    expect(server.codes('late-1')).toEqual([STOPPED, 0]);
  },
);

test.skipIf(!hasPython)('a job of SkyPilot whose machine is shut down is recovered, and completes', async () => {
  const sky = skyCommand(folder);
  onTestFinished(() => sky.close());
  const { end } = followed(jobOf({ bucket: 's3://runs' }), '--on', 'skypilot', '--directory', 'here', '--poll', '0.1');
  await reached(25);
  sky.shutDown(1);
  completesOnce(await end);
  expect(sky.launched()).toEqual([1]);
  expect(sky.job(1)).toMatchObject({ recoveries: 1 });
});

test.skipIf(!hasPython)(
  'a batch job that Slurm stops ends with the code of its controller, and its requeue completes',
  async () => {
    const requeue = join(folder, 'requeue');
    writeFileSync(join(folder, 'bin', 'scontrol'), `#!/bin/sh\necho "$@" > '${requeue}'\n`, { mode: 0o755 });
    writeFileSync(join(folder, 'job.sbatch'), exportSlurm(parseExportJob(jobOf({}))).text);
    const start = () => spawn('bash', ['job.sbatch'], { cwd: folder, env: { ...variables(), SLURM_JOB_ID: '7' } });
    const first = start();
    await reached(25);
    // As `--signal=B:TERM`: the batch shell alone.
    first.kill('SIGTERM');
    expect(await ended(first)).toMatchObject({ code: STOPPED });
    expect(readFileSync(requeue, 'utf8')).toBe('requeue 7\n');
    expect(existsSync(join(shared, 'done.json'))).toBe(false);
    completesOnce(await ended(start()));
  },
);

test.skipIf(!hasPython)('who stops following a job gets its own exit code, and the job runs on', async () => {
  const server = await kubernetesServer(variables());
  onTestFinished(() => server.close());
  const { child, end } = followed(jobOf({ api: server.url }), '--on', 'kubernetes');
  await reached(1);
  child.kill('SIGTERM');
  const stopped = await end;
  expect(stopped.code).toBe(STOPPED);
  expect(lastJson(stopped)).toMatchObject({ error: { code: 'RUN_FOLLOWED' } });
  expect(server.codes('late-1')).toEqual([]);
});
