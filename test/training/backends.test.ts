import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KubernetesTrainingBackend } from '../../src/backends/kubernetes/training-backend.ts';
import { MemoryTrainingBackend } from '../../src/backends/memory/training-backend.ts';
import { RayTrainingBackend } from '../../src/backends/ray/training-backend.ts';
import { SkypilotTrainingBackend } from '../../src/backends/skypilot/training-backend.ts';
import { parseSlurmJob } from '../../src/backends/slurm/slurm-job.ts';
import type { GangSpec, TrainingBackend } from '../../src/ports/training-backend.ts';
import {
  type GangPrograms,
  type TrainingBackendNeed,
  type TrainingBackendSubject,
  trainingBackendContracts,
} from '../../src/testing/contracts/training-backend.ts';
import { followGang } from '../../src/training/runner/follow-gang.ts';
import { until } from '../until.ts';
import { shellPrograms } from './gang-programs.ts';
import { kubernetesServer } from './kubernetes-server.ts';
import { rayServer } from './ray-server.ts';
import { localBackend } from './run-program.ts';
import { skyCommand, skyTask } from './sky-command.ts';

let folder = '';
let closers: (() => void)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gangs-'));
});
afterEach(() => {
  for (const close of closers) close();
  closers = [];
  rmSync(folder, { recursive: true, force: true });
});

const names: GangPrograms = { prints: ['prints'], fails: ['fails'], waits: ['waits'] };

function memory(): TrainingBackend {
  return new MemoryTrainingBackend({
    prints: async ({ environment, print }) => {
      print(`rank ${environment['HEADRACE_RANK']}`);
      return 0;
    },
    fails: async ({ print }) => {
      for (let line = 0; line < 100; line++) print(`line ${line}`);
      return 3;
    },
    waits: ({ print, onSignal }) =>
      new Promise((resolve) => {
        print('ready');
        onSignal(() => {
          print('saved');
          resolve(143);
        });
      }),
  });
}

const environmentOf = ({ ranks }: GangSpec) => Object.entries(ranks[0] ?? {}).map(([name, value]) => ({ name, value }));

/** A Job as the API takes it: errors of the program are final. */
function manifest(gang: GangSpec) {
  const values = Array.from({ length: 136 }, (_, code) => code + 1);
  return {
    metadata: { name: gang.id },
    spec: {
      podFailurePolicy: { rules: [{ action: 'FailJob', onExitCodes: { values } }] },
      template: { spec: { containers: [{ name: 'train', command: gang.command, env: environmentOf(gang) }] } },
    },
  };
}

async function kubernetes(timeoutMs = 30_000) {
  const server = await kubernetesServer();
  closers.push(() => server.close());
  const options = { api: server.url, namespace: 'default', token: null, manifest, timeoutMs };
  return { server, open: () => new KubernetesTrainingBackend(options) };
}

async function ray() {
  const server = await rayServer();
  closers.push(() => server.close());
  const request = (gang: GangSpec) => ({
    submission_id: gang.id,
    entrypoint: gang.command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' '),
    runtime_env: { env_vars: gang.ranks[0] },
  });
  return { server, open: () => new RayTrainingBackend({ api: server.url, request }) };
}

function skypilot() {
  const sky = skyCommand(folder);
  closers.push(() => sky.close());
  const options = { folder: join(folder, 'tasks'), task: skyTask, program: sky.program, graceSeconds: 1 };
  return { sky, open: () => new SkypilotTrainingBackend(options) };
}

const backends: Readonly<
  Record<string, { has: readonly TrainingBackendNeed[]; subject(): Promise<TrainingBackendSubject> }>
> = {
  memory: {
    has: ['signals', 'ranks', 'processes'],
    subject: async () => {
      const backend = memory();
      return { open: () => backend, programs: names, directory: folder };
    },
  },
  local: {
    has: ['signals', 'ranks', 'processes'],
    subject: async () => ({ open: () => localBackend(folder), programs: shellPrograms, directory: folder }),
  },
  kubernetes: {
    has: ['processes'],
    subject: async () => ({ open: (await kubernetes()).open, programs: shellPrograms, directory: folder }),
  },
  ray: {
    has: ['processes'],
    subject: async () => ({ open: (await ray()).open, programs: shellPrograms, directory: folder }),
  },
  skypilot: {
    has: ['processes'],
    subject: async () => ({ open: skypilot().open, programs: shellPrograms, directory: folder }),
  },
};

for (const [name, { has, subject }] of Object.entries(backends)) {
  describe(`the ${name} back end of gangs keeps the rules of its port`, () => {
    for (const { rule, name: sentence, needs, run } of trainingBackendContracts)
      test.skipIf(!needs.every((need) => has.includes(need)))(`rule ${rule}: ${sentence}`, async () =>
        run(await subject()),
      );
  });
}

test('a pod that is disrupted is replaced, the following sees it, and the gang counts as running', async () => {
  const { server, open } = await kubernetes();
  const backend = open();
  await backend.submit({ id: 'late-1', command: shellPrograms.waits, directory: folder, ranks: [{}] });
  await until(async () => (await backend.tail('late-1', 0, 9)).includes('ready'));
  server.disrupt('late-1');
  await until(async () => /1 pods disrupted/.test((await backend.state('late-1')).detail ?? ''));
  expect((await backend.state('late-1')).ranks).toEqual([{ state: 'running' }]);
  const details: string[] = [];
  let cancelled = Promise.resolve();
  const followed = followGang({
    backend,
    id: 'late-1',
    directory: null,
    pollMs: 5,
    onDetail: (detail) => {
      details.push(detail);
      if (details.length === 1) cancelled = backend.cancel('late-1');
    },
  });
  expect((await followed).state?.ranks).toEqual([{ state: 'ended', code: null, signal: 'SIGTERM' }]);
  await cancelled;
  expect(details[0]).toContain('1 pods disrupted');
  expect(details.at(-1)).toContain('suspended');
});

const late: GangSpec = { id: 'late-1', command: shellPrograms.waits, directory: '/', ranks: [{}] };

test('an evicted pod that is deleted before the next look is counted, by the watch; its log is that of its successor', async () => {
  const { server, open } = await kubernetes();
  const backend = open();
  await backend.submit(late);
  await until(async () => (await backend.tail('late-1', 0, 9)).includes('ready'));
  await until(() => server.watching() > 0);
  server.disrupt('late-1', { deleted: true });
  await until(async () => /1 pods disrupted/.test((await backend.state('late-1')).detail ?? ''));
  expect((await backend.state('late-1')).ranks).toEqual([{ state: 'running' }]);
  await until(async () => (await backend.tail('late-1', 0, 9)).includes('ready'));
  await backend.cancel('late-1');
  await backend.close();
});

test('a watch whose version is too old begins again with a list', async () => {
  const { server, open } = await kubernetes();
  const backend = open();
  await backend.submit(late);
  await backend.state('late-1');
  await until(() => server.watching() > 0);
  server.compact();
  await until(() => server.watching() === 0);
  await until(async () => (await backend.state('late-1')) !== null && server.watching() > 0);
  server.disrupt('late-1', { deleted: true });
  await until(async () => /1 pods disrupted/.test((await backend.state('late-1')).detail ?? ''));
  await backend.cancel('late-1');
  await backend.close();
});

test('a cancel continues after conflicts; a Job that somebody deletes has ended', async () => {
  const { server, open } = await kubernetes();
  const backend = open();
  await backend.submit(late);
  server.faults.conflicts = 3;
  await backend.cancel('late-1');
  expect(server.faults.conflicts).toBe(0);
  await backend.submit({ ...late, id: 'late-2' });
  server.remove('late-2');
  expect(await backend.state('late-2')).toMatchObject({
    ranks: [{ state: 'ended', signal: 'SIGTERM' }],
    detail: 'the Job was deleted',
  });
  await backend.close();
});

test('a submission whose answer is lost is no second Job', async () => {
  const { server, open } = await kubernetes(2_000);
  const backend = open();
  server.faults.lost = true;
  await backend.submit(late);
  server.faults.lost = false;
  await backend.submit(late);
  expect((await backend.state('late-1')).ranks).toEqual([{ state: 'running' }]);
  await backend.cancel('late-1');
  await backend.close();
});

test('a pod without room says why, and one that the kernel ended counts as that', async () => {
  const { server, open } = await kubernetes();
  const backend = open();
  server.faults.noRoom = true;
  await backend.submit(late);
  expect((await backend.state('late-1')).detail).toContain('FailedScheduling: 0/3 nodes are available');
  expect(await backend.tail('late-1', 0, 9)).toEqual([]);
  server.faults.noRoom = false;
  await backend.submit({ ...late, id: 'late-2' });
  server.exhaust('late-2');
  await until(async () => (await backend.state('late-2')).oomKills === 1);
  expect((await backend.state('late-2')).ranks).toEqual([{ state: 'running' }]);
  await backend.cancel('late-2');
  await backend.close();
});

test('a job of Ray whose node is gone is lost; one that fails has its exit code', async () => {
  const { server, open } = await ray();
  const backend = open();
  await backend.submit({ id: 'late-1', command: shellPrograms.waits, directory: folder, ranks: [{}] });
  server.lose('late-1');
  await until(async () => (await backend.state('late-1')).ranks[0]?.state === 'lost');
});

test.each([
  ['Kubernetes', async () => (await kubernetes()).open()],
  ['Ray', async () => (await ray()).open()],
])('a server of %s that does not answer is RUN_UNREACHABLE, a submission RUN_SUBMIT', async (_, open) => {
  const backend = await open();
  for (const close of closers) close();
  const gang: GangSpec = { id: 'late-1', command: shellPrograms.waits, directory: folder, ranks: [{}] };
  await expect(backend.state('late-1')).rejects.toMatchObject({ code: 'RUN_UNREACHABLE' });
  await expect(backend.submit(gang)).rejects.toMatchObject({ code: 'RUN_SUBMIT' });
});

test.each([
  [
    'JobId=7 JobName=a=b JobState=RUNNING Reason=None Restarts=2 ExitCode=0:0 NodeList=n[1-2]',
    ['RUNNING', 2, 'n[1-2]'],
  ],
  ['JobId=7 JobName=x JobState=FAILED Reason=NonZeroExitCode Restarts=0 ExitCode=3:0 NodeList=n1', ['FAILED', 0, 'n1']],
])('a line of scontrol is read: %s', (line, [state, restarts, nodes]) => {
  expect(parseSlurmJob(line)).toMatchObject({ job: '7', state, restarts, nodes });
});

test('a line that is no job of Slurm is none', () => {
  for (const line of ['', 'slurm_load_jobs error', 'JobId=', 'JobState=RUNNING'])
    expect(parseSlurmJob(line)).toBeNull();
});
