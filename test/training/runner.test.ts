import { spawn, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CheckpointWatch } from '../../src/training/runner/checkpoint-watch.ts';
import { checkpointNames, newestCheckpoint } from '../../src/training/runner/checkpoints.ts';
import { Liveness } from '../../src/training/runner/heartbeat.ts';
import { Journal, type JournalEntry } from '../../src/training/runner/journal.ts';
import { runFiles } from '../../src/training/runner/run-files.ts';
import { parseRunSpec } from '../../src/training/runner/run-spec.ts';
import type { RunState } from '../../src/training/runner/run-state.ts';
import { expectedState, hasPython, localBackend, runCount, stepsOf } from './run-program.ts';

// All of them run a Python program, and are skipped without python3.
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'run-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const steps = 40;

test.skipIf(!hasPython)('a run without faults completes, keeps N checkpoints and has one attempt', async () => {
  const outcome = await runCount(folder, { targetSteps: steps, keep: 2, options: { every: 10 } });
  expect(outcome).toMatchObject({ state: 'completed', class: 'completed', step: steps });
  expect(outcome.result).toMatchObject({ result: { state: expectedState(0, steps) } });
  expect(outcome.ledger).toMatchObject({ attempts: [{ outcome: 'completed' }], lostSteps: 0, overhead: 1 });
  expect(checkpointNames(join(folder, 'checkpoints'))).toEqual(['step-000000040', 'step-000000030']);
});

test.skipIf(!hasPython)('the controller asks for checkpoints by time', async () => {
  const states: string[] = [];
  const onEntry = ({ event, data }: JournalEntry) => event === 'state' && states.push(String(data['to']));
  const outcome = await runCount(
    folder,
    { targetSteps: 200, checkpointSeconds: 0.1, options: { stepSeconds: 0.01 } },
    { onEntry },
  );
  expect(outcome.state).toBe('completed');
  expect(states).toContain('checkpointing');
  expect(checkpointNames(join(folder, 'checkpoints')).length).toBeGreaterThan(0);
});

describe.skipIf(!hasPython).each([
  ['an error', { fault: 'error' }, { errorRestarts: 0 }, 'failed', 'userError'],
  ['an error that may be tried again', { fault: 'error' }, { errorRestarts: 1 }, 'completed', 'completed'],
  ['an exit before the last step', { fault: 'early' }, {}, 'failed', 'incomplete'],
  ['a program that stands still', { fault: 'hang' }, { hangMs: 1500, graceMs: 100 }, 'completed', 'completed'],
] as const)('%s', (_, options, spec, state, found) => {
  test(`ends ${state}, as ${found}`, async () => {
    const outcome = await runCount(folder, { targetSteps: steps, ...spec, options: { every: 7, ...options } });
    expect(outcome).toMatchObject({ state, class: found });
    if (state === 'completed') expect(outcome.result).toMatchObject({ result: { state: expectedState(0, steps) } });
    else expect(outcome.hint).not.toBe('');
  });
});

test.skipIf(!hasPython)(
  'a checkpoint whose load never ends is put aside after two attempts, and an older one resumes',
  async () => {
    const outcome = await runCount(folder, {
      targetSteps: steps,
      startMs: 3_000,
      hangMs: 60_000,
      graceMs: 100,
      options: { every: 10, fault: 'error', endlessLoad: 20 },
      errorRestarts: 1,
    });
    expect(outcome).toMatchObject({ state: 'completed', step: steps });
    expect(outcome.ledger.attempts.map((row) => row.outcome)).toEqual(['userError', 'hang', 'hang', 'completed']);
    expect(outcome.ledger.attempts.at(-1)).toMatchObject({ fromStep: 10 });
    expect(outcome.result).toMatchObject({ result: { state: expectedState(0, steps) } });
    expect(readdirSync(join(folder, 'checkpoints'))).toContain('damaged-step-000000020');
  },
);

test.skipIf(!hasPython)(
  'a gang of two ends when one rank is silent, restarts once, and repeats no step in an attempt',
  async () => {
    const outcome = await runCount(folder, {
      ranks: 2,
      targetSteps: steps,
      hangMs: 1500,
      graceMs: 100,
      options: { every: 5, fault: 'silentRank' },
    });
    expect(outcome.state).toBe('completed');
    expect(outcome.ledger.attempts.map((row) => row.outcome)).toEqual(['hang', 'completed']);
    for (const rank of [0, 1]) {
      const done = stepsOf(folder, rank);
      for (const [, list] of done) expect(list).toEqual(list.map((_, index) => (list[0] ?? 0) + index));
      expect(done.get(1)?.[0]).toBe(0);
      expect(done.get(2)?.[0]).toBe(20);
    }
  },
);

test.skipIf(!hasPython)(
  'a program that cannot start is not paid for, and is tried again until the run is cancelled',
  async () => {
    const stopped = new AbortController();
    const onEntry = ({ event, data }: JournalEntry) =>
      event === 'notProvisioned' && data['failures'] === 3 && stopped.abort();
    const outcome = await runCount(
      folder,
      { command: ['/bin/true'], ranks: 1, targetSteps: 1 },
      { backend: failing(), onEntry, signal: stopped.signal, backoffMs: 1 },
    );
    expect(outcome).toMatchObject({ state: 'cancelled', ledger: { cost: 0 } });
  },
);

function failing() {
  const unknown = () => Promise.reject(new Error('no gang'));
  return {
    kind: 'none',
    outlivesSubmitter: false,
    submit: async ({ id }: { id: string }) => {
      const { fail } = await import('../../src/base/errors/fail.ts');
      throw fail('RUN_SUBMIT', { gang: id, reason: 'no room' });
    },
    state: unknown,
    signal: async () => undefined,
    tail: async () => [],
    cancel: async () => undefined,
    close: async () => undefined,
  };
}

test.skipIf(!hasPython)('a budget ends the run before it is passed, and says so', async () => {
  const outcome = await runCount(folder, {
    targetSteps: 100_000,
    graceMs: 50,
    pricePerHour: 3600,
    budget: 1.5,
    options: { every: 50, stepSeconds: 0.005 },
  });
  expect(outcome).toMatchObject({ state: 'failed', class: 'budget' });
  expect(outcome.ledger.cost).toBeGreaterThan(0);
});

/** Damages of the newest checkpoint; each must be seen, and the previous one taken. */
const damages: readonly (readonly [string, (path: string) => void])[] = [
  ['a file that is cut', (path) => truncateSync(join(path, 'state-0.json'), 3)],
  ['a file with another byte', (path) => flip(join(path, 'state-0.json'))],
  ['a file that is absent', (path) => rmSync(join(path, 'state-0.json'))],
  ['a manifest that is cut', (path) => truncateSync(join(path, 'manifest.json'), 20)],
  ['no manifest', (path) => rmSync(join(path, 'manifest.json'))],
  [
    'a link out of the folder',
    (path) => {
      const text = readFileSync(join(path, 'state-0.json'));
      writeFileSync(join(path, '..', '..', 'elsewhere'), text);
      rmSync(join(path, 'state-0.json'));
      symlinkSync('../../elsewhere', join(path, 'state-0.json'));
    },
  ],
  [
    'a name that leads out',
    (path) => replaceIn(join(path, 'manifest.json'), '"state-0.json"', '"../step-000000010/state-0.json"'),
  ],
];

test.skipIf(!hasPython).each(damages)('%s: the run resumes from the checkpoint before', async (_, damage) => {
  await runCount(folder, { targetSteps: 20, options: { every: 10 } });
  damage(join(folder, 'checkpoints', 'step-000000020'));
  const entries: JournalEntry[] = [];
  forgetRun();
  const outcome = await runCount(
    folder,
    { targetSteps: 30, options: { every: 10 } },
    { onEntry: (entry) => entries.push(entry) },
  );
  expect(outcome.result).toMatchObject({ result: { state: expectedState(0, 30) } });
  expect(entries.find(({ event }) => event === 'damagedCheckpoint')?.data).toMatchObject({ name: 'step-000000020' });
  expect(entries.find(({ event }) => event === 'submitted')?.data).toMatchObject({ checkpoint: 'step-000000010' });
});

test.skipIf(!hasPython)('a checkpoint of another world size, or of a newer format, is refused', async () => {
  await runCount(folder, { targetSteps: 20, options: { every: 10 } });
  forgetRun();
  await expect(runCount(folder, { targetSteps: 30, ranks: 2 })).rejects.toMatchObject({
    code: 'CHECKPOINT_WORLD_SIZE',
  });
  replaceIn(join(folder, 'checkpoints', 'step-000000020', 'manifest.json'), '"format": 1', '"format": 2');
  forgetRun();
  await expect(runCount(folder, { targetSteps: 30 })).rejects.toMatchObject({ code: 'CHECKPOINT_NEWER' });
});

test.skipIf(!hasPython)(
  'a program that ignores SIGTERM, forks and prints without end leaves no process and a bounded log',
  async () => {
    const script =
      'import os,signal,subprocess,sys,time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nopen("pids","a").write("%d\\n%d\\n" % (os.getpid(), subprocess.Popen(["sleep","3600"]).pid))\nsys.stdout.write("x"*1000000)\nsys.stdout.flush()\nopen("ready","w").close()\ntime.sleep(3600)';
    const stopped = new AbortController();
    const running = runCount(
      folder,
      { command: ['python3', '-c', script], graceMs: 50 },
      {
        signal: stopped.signal,
        // Polled by the controller: cancels when the program is ready.
        onPoll: () => {
          if (readdirSync(folder).includes('ready')) stopped.abort();
        },
      },
    );
    await expect(running).resolves.toMatchObject({ state: 'cancelled' });
    const pids = readFileSync(join(folder, 'pids'), 'utf8').trim().split('\n').map(Number);
    expect(pids).toHaveLength(2);
    expect(pids.filter(runs)).toEqual([]);
  },
);

test.skipIf(!hasPython)('the same run cannot be opened with the journal of another', async () => {
  await runCount(folder, { targetSteps: 5 });
  await expect(runCount(folder, { targetSteps: 5 }, { run: 'other' })).rejects.toMatchObject({ code: 'RUN_JOURNAL' });
});

test.skipIf(!hasPython)('a process that left the group and holds the output does not hold the run', async () => {
  const script =
    'import subprocess\nopen("pid","w").write(str(subprocess.Popen(["sleep","3600"], start_new_session=True).pid))';
  try {
    await expect(runCount(folder, { command: ['python3', '-c', script] })).resolves.toMatchObject({
      state: 'completed',
    });
  } finally {
    process.kill(Number(readFileSync(join(folder, 'pid'), 'utf8')), 'SIGKILL');
  }
});

test('a record without a start time ends no process: another may have its pid', async () => {
  const other = spawn('sleep', ['3600'], { detached: true });
  try {
    mkdirSync(join(folder, 'gangs', 'run-1'), { recursive: true });
    writeFileSync(join(folder, 'gangs', 'run-1', 'processes.json'), JSON.stringify([{ pid: other.pid, start: null }]));
    await localBackend(folder).cancel('run-1');
    expect(runs(other.pid ?? 0)).toBe(true);
  } finally {
    other.kill('SIGKILL');
  }
});

test.skipIf(!hasPython)('a completed run that is opened again says its last step', async () => {
  await runCount(folder, { targetSteps: 20 });
  await expect(runCount(folder, { targetSteps: 20 })).resolves.toMatchObject({ state: 'completed', step: 20 });
});

test.skipIf(!hasPython)('the step of a damaged checkpoint is written again', async () => {
  await runCount(folder, { targetSteps: 20, options: { every: 10 } });
  flip(join(folder, 'checkpoints', 'step-000000020', 'state-0.json'));
  forgetRun();
  await runCount(folder, { targetSteps: 20, options: { every: 10 } });
  await expect(newestCheckpoint(join(folder, 'checkpoints'), 1)).resolves.toMatchObject({
    newest: { manifest: { step: 20 } },
    damaged: [],
  });
});

test.skipIf(!hasPython)('after a damaged checkpoint the controller asks for the next ones', async () => {
  await runCount(folder, { targetSteps: 20, options: { every: 10 } });
  const [whole, newest] = ['step-000000010', 'step-000000020'].map((name) => join(folder, 'checkpoints', name));
  flip(join(newest ?? '', 'state-0.json'));
  const files = runFiles(folder);
  const spec = parseRunSpec({ command: ['none'], checkpointSeconds: 1 });
  const noted: string[] = [];
  let state: RunState = 'running';
  const watch = new CheckpointWatch({
    files,
    spec,
    note: (event, data) => noted.push(`${event} ${data['name']}`),
    enter: (to) => {
      state = to;
    },
    lastNoted: () => 'step-000000010',
  });
  const liveness = new Liveness({ ranks: 1, now: 0, leastMs: 1000, startMs: 1000 });
  renameSync(newest ?? '', `${whole}.away`);
  // Later than any clock of this process.
  const began = 1e12;
  watch.start(1);
  watch.look(liveness, state, began + 2_000);
  expect(state).toBe('checkpointing');
  renameSync(`${whole}.away`, newest ?? '');
  watch.look(liveness, state, began + 2_900);
  await watch.verified();
  watch.look(liveness, state, began + 3_000);
  expect(state).toBe('running');
  watch.look(liveness, state, began + 5_000);
  expect(state).toBe('checkpointing');
  expect(noted).toEqual(['damagedCheckpoint step-000000020']);
});

function runs(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

function flip(path: string): void {
  const bytes = readFileSync(path);
  bytes[5] = (bytes[5] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

function replaceIn(path: string, from: string, to: string): void {
  const text = readFileSync(path, 'utf8');
  expect(text).toContain(from);
  writeFileSync(path, text.replace(from, to));
}

/** Leaves the checkpoints alone, as a new run that begins from them. */
function forgetRun(): void {
  rmSync(join(folder, 'journal.jsonl'));
  rmSync(join(folder, 'gangs'), { recursive: true });
}

test('a run of the first release is read: its journal, its newest checkpoint', async () => {
  const fixture = 'test/fixtures/training-run-1';
  const found = await newestCheckpoint(join(fixture, 'checkpoints'), 1);
  expect(found).toMatchObject({ newest: { manifest: { step: 20, samples: 160 } }, damaged: [] });
  writeFileSync(join(folder, 'journal.jsonl'), readFileSync(join(fixture, 'journal.jsonl')));
  const journal = Journal.open(join(folder, 'journal.jsonl'), 'run');
  expect(journal.entries.at(-1)?.data).toMatchObject({ to: 'completed' });
  journal.close();
});

test.skipIf(!hasPython)(
  'heartbeats of training and of a checkpoint in the background neither collide nor go back',
  () => {
    for (const name of ['heartbeats', 'checkpoints']) mkdirSync(join(folder, name));
    const run = { format: 2, run: 'r', attempt: 1, worldSize: 1, targetSteps: 400, resume: null, options: {} };
    writeFileSync(join(folder, 'run.json'), JSON.stringify({ ...run, checkpoints: join(folder, 'checkpoints') }));
    const env = {
      PATH: process.env['PATH'],
      PYTHONPATH: resolve('src/training/runner'),
      HEADRACE_RUN: join(folder, 'run.json'),
      HEADRACE_RUN_FOLDER: folder,
      HEADRACE_ATTEMPT: '1',
    };
    const { stdout, stderr } = spawnSync('python3', ['test/training/programs/two-threads.py'], {
      env,
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({ back: [], last: 400 });
  },
);
