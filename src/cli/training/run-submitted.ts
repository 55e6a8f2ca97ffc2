import { mkdirSync, readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { STOPPED_EXIT } from '../../base/errors/exit-codes.ts';
import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import type { TrainingBackend } from '../../ports/training-backend.ts';
import type { TrainingSystem } from '../../ports/training-system.ts';
import { canTrain, lockRun, submittedTraining } from '../../site/back-ends/training-systems.ts';
import { controllerWords, type ExportJob, parseExportJob } from '../../training/export/export-job.ts';
import { superviseRun } from '../../training/runner/controller.ts';
import { type Followed, followGang } from '../../training/runner/follow-gang.ts';
import { parseRunSpec } from '../../training/runner/run-spec.ts';
import { mainProgram } from '../main-program.ts';
import { lineOf, printOutcome } from './run-lines.ts';
import { programWords, type RunCall } from './run-options.ts';

/** Between two looks at a system that answers over a network, ms. */
const POLL_MS = 2_000;

/**
 * Runs a job of a file on another system. On one machine the controller is the program inside, and the system restarts it; this
 * process follows state, journal and cost. A gang over several machines is controlled from here. Errors: EXPORT_JOB, RUN_*.
 */
export async function runSubmitted(call: RunCall, system: TrainingSystem): Promise<void> {
  const path = String(call.words[0]);
  const parsed = parseExportJob(readJson(path));
  if (canTrain(system, 'moves')) return (await import('./run-skypilot.ts')).runSkypilot(call, parsed);
  const [program = '', ...args] = parsed.command;
  const job: ExportJob = {
    ...parsed,
    command: canTrain(system, 'sharedFiles') ? programWords([program, ...args]) : parsed.command,
  };
  const backend = submittedTraining(system, job, job.directory);
  try {
    if (call.options.cancel) await cancelNewest(backend, job, call);
    else if (job.nodes > 1) await runGang(backend, job, call);
    else await runInside(backend, job, call, system);
  } finally {
    await backend.close();
  }
}

/** The controller is the gang's one rank. */
async function runInside(
  backend: TrainingBackend,
  job: ExportJob,
  call: RunCall,
  system: TrainingSystem,
): Promise<void> {
  // Where the machines see the files of this one, its own program is theirs.
  const isShared = canTrain(system, 'sharedFiles');
  const [headrace = '', ...words] = controllerWords(job);
  if (isShared) mkdirSync(job.directory, { recursive: true });
  const newest = await newestGang(backend, job.name);
  const id = newest.isRunning ? newest.id : `${job.name}-${newest.number + 1}`;
  const own: [string, ...string[]] = [process.execPath, ...process.execArgv, fileURLToPath(mainProgram)];
  const command: [string, ...string[]] = isShared ? [...own, ...words] : [headrace, ...words];
  if (!newest.isRunning) await backend.submit({ id, command, directory: job.directory, ranks: [{}] });
  const stopped = new AbortController();
  call.terminal.stopped.then(() => stopped.abort());
  const followed = await followGang({
    backend,
    id,
    directory: isShared ? job.directory : null,
    pollMs: POLL_MS,
    signal: stopped.signal,
    onDetail: call.terminal.err,
    onEntry: (entry) => {
      const line = lineOf(entry);
      if (line !== null) call.terminal.err(line);
    },
  });
  // Ray does not start a job again whose node is gone, and Slurm may forget one: the controller resumes in another gang.
  if (followed.state?.ranks[0]?.state === 'lost') {
    call.terminal.err(`${id} is lost: it is submitted again`);
    return runInside(backend, job, call, system);
  }
  await report(backend, id, followed, call);
}

async function report(backend: TrainingBackend, id: string, { state, ledger }: Followed, call: RunCall): Promise<void> {
  if (state === null) throw fail('RUN_FOLLOWED', { run: id });
  const [rank] = state.ranks;
  const completed = rank?.state === 'ended' && rank.code === 0;
  const end = completed ? 'completed' : rank?.state === 'ended' && rank.code === STOPPED_EXIT ? 'stopped' : 'failed';
  const cost = ledger === null ? '' : `, ${ledger.attempts.length} attempts, cost ${ledger.cost.toFixed(4)}`;
  if (call.json) call.terminal.out(JSON.stringify({ id, state: end, rank, ledger }));
  else call.terminal.out(`${id} ${end}${cost}`);
  if (completed) return;
  const found = rank?.state === 'ended' ? (rank.signal ?? `exit code ${rank.code}`) : 'a lost node';
  const step = ledger?.attempts.at(-1)?.toStep ?? 0;
  if (end === 'stopped') throw fail('RUN_STOPPED', { run: id, step });
  throw fail('RUN_FAILED', { run: id, step, class: found, tail: await backend.tail(id, 0, 5) });
}

/** The ranks are the gang; the controller of this process restarts them. */
async function runGang(backend: TrainingBackend, job: ExportJob, call: RunCall): Promise<void> {
  const folder = resolve(job.directory);
  mkdirSync(folder, { recursive: true });
  const [program = '', ...args] = job.command;
  const lock = lockRun(folder);
  const stopped = new AbortController();
  call.terminal.stopped.then(() => stopped.abort());
  try {
    const outcome = await superviseRun({
      run: basename(folder),
      folder,
      spec: parseRunSpec({
        command: [program, ...args],
        ranks: job.ranks,
        targetSteps: job.steps,
        checkpointSeconds: job.checkpointSeconds,
        graceMs: job.graceSeconds * 1_000,
        pollMs: POLL_MS,
        ...(job.budget === undefined ? {} : { budget: job.budget }),
        ...(job.pricePerHour === undefined ? {} : { pricePerHour: job.pricePerHour }),
      }),
      backend,
      signal: stopped.signal,
      onEntry: (entry) => {
        const line = lineOf(entry);
        if (line !== null) call.terminal.err(line);
      },
    });
    printOutcome(call, outcome, basename(folder));
  } finally {
    lock.release();
  }
}

async function cancelNewest(backend: TrainingBackend, job: ExportJob, call: RunCall): Promise<void> {
  const newest = await newestGang(backend, job.name);
  if (!newest.isRunning) throw fail('RUN_GANG', { gang: job.name });
  await backend.cancel(newest.id);
  call.terminal.out(`${newest.id} cancelled`);
}

/** The newest gang of a name: `<name>-1`, `<name>-2`, … */
async function newestGang(backend: TrainingBackend, name: string) {
  for (let number = 0; ; number++) {
    const next = await runningOf(backend, `${name}-${number + 1}`);
    if (next === true) return { id: `${name}-${number + 1}`, number: number + 1, isRunning: true };
    if (next === null) return { id: `${name}-${number}`, number, isRunning: false };
  }
}

/** Null: there is no such gang. */
async function runningOf(backend: TrainingBackend, id: string): Promise<boolean | null> {
  try {
    return (await backend.state(id)).ranks.some(({ state }) => state === 'running');
  } catch (error) {
    if (isHeadraceError(error) && error.code === 'RUN_GANG') return null;
    throw error;
  }
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw fail('EXPORT_JOB', { member: path, reason: 'it cannot be read as JSON' }, error);
  }
}
