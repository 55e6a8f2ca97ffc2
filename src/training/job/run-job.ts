import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { OpenTrainingRun } from '../../ports/training-backend.ts';
import { superviseRun } from '../runner/controller.ts';
import { runFiles } from '../runner/run-files.ts';
import type { RunOutcome } from '../runner/run-outcome.ts';
import { parseRunSpec } from '../runner/run-spec.ts';
import { parseResult } from './parse-result.ts';
import type { TrainingJob, TrainingResult } from './training-job.ts';

/** Bounds of a training job, as the environment has them. */
export interface JobLimits {
  /** From the start to the first step, and between two steps, ms: a program without heartbeats has this long in all. */
  readonly timeoutMs: number;
  /** Seconds between two checkpoints. */
  readonly checkpointSeconds: number;
  /** Restarts after hangs and unexplained kills. */
  readonly restarts: number;
  /** The most that the job may cost, and the price of an hour; null: no cap. */
  readonly budget: number | null;
  readonly pricePerHour: number;
}

export interface RunJobOptions {
  /** The program and its arguments; it runs in `directory`. */
  readonly command: readonly [string, ...string[]];
  /** Folder of the run: job.json, result.json, the journal, checkpoints. The same folder resumes a job that was killed. */
  readonly directory: string;
  readonly job: TrainingJob;
  readonly limits: JobLimits;
  /** Opens the back end of the run. */
  readonly open: OpenTrainingRun;
  /** Further variables of the program. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Takes every line that the program prints. */
  readonly onLine?: (line: string) => void;
  /** Ends the program, with everything that it started. */
  readonly signal?: AbortSignal;
}

/** A job that has ended, and what it cost. */
export interface RanJob {
  readonly result: TrainingResult;
  readonly ledger: RunOutcome['ledger'];
}

/** Last lines of output that an error shows. */
const TAIL_LINES = 5;

/** From SIGTERM to SIGKILL, ms. */
const GRACE_MS = 10_000;

/** Between two looks at the program, ms. */
const POLL_MS = 100;

/**
 * Runs one training program in a separate process, to its end, by the runner: `job.json` in, `result.json` out. The program gets
 * HEADRACE_JOB in its environment. One that knows runs saves checkpoints, and resumes from them after a kill. Errors: TRAINING_JOB
 * (it failed, was killed, or ran past its time), TRAINING_RESULT, TRAINING_DIRECTORY, RUN_LOCKED.
 */
export async function runTrainingJob(options: RunJobOptions): Promise<RanJob> {
  const { directory, job } = options;
  const { ledger } = await runJobProgram(options);
  let text: string;
  try {
    text = readFileSync(join(directory, 'result.json'), 'utf8');
  } catch (error) {
    throw fail('TRAINING_RESULT', { reason: 'result.json is not there' }, error);
  }
  return { result: parseResult(text, job), ledger };
}

/** Runs the program of a job to its end, whatever it leaves. Errors: TRAINING_JOB, TRAINING_DIRECTORY, RUN_LOCKED. */
export async function runJobProgram(options: RunJobOptions): Promise<Pick<RanJob, 'ledger'>> {
  const { command, directory, job } = options;
  const path = writeJob(directory, job);
  const outcome = await superviseJob(options, path);
  if (outcome.state === 'completed') return { ledger: outcome.ledger };
  const tail = outcome.tail.slice(-TAIL_LINES);
  throw fail('TRAINING_JOB', { command: command[0], outcome: endOf(outcome, options), tail, directory });
}

/** The same job resumes in its folder; another begins from the start. */
function writeJob(directory: string, job: TrainingJob): string {
  const path = join(directory, 'job.json');
  const text = JSON.stringify(job, null, 2);
  try {
    mkdirSync(directory, { recursive: true });
    if (existsSync(path) && readFileSync(path, 'utf8') === text && existsSync(runFiles(directory).journal)) return path;
    // Neither the result nor the checkpoints of another job may be taken for this one's.
    const { journal, checkpoints, gangs } = runFiles(directory);
    for (const old of [join(directory, 'result.json'), journal, checkpoints, gangs])
      rmSync(old, { recursive: true, force: true });
    writeFileSync(path, text);
  } catch (error) {
    throw fail('TRAINING_DIRECTORY', { directory, reason: reasonOf(error) }, error);
  }
  return path;
}

async function superviseJob(
  { command, directory, limits, open, environment, onLine, signal }: RunJobOptions,
  jobPath: string,
): Promise<RunOutcome> {
  const { backend, close } = open(directory, { environment: { ...environment, HEADRACE_JOB: jobPath }, onLine });
  const { timeoutMs, checkpointSeconds, restarts, budget, pricePerHour } = limits;
  const spec = parseRunSpec({
    command: [...command],
    checkpointSeconds,
    killRestarts: restarts,
    budget,
    pricePerHour,
    startMs: timeoutMs,
    hangMs: timeoutMs,
    graceMs: GRACE_MS,
    pollMs: POLL_MS,
  });
  try {
    return await superviseRun({
      run: basename(directory),
      folder: directory,
      spec,
      backend,
      ...(signal === undefined ? {} : { signal }),
    });
  } finally {
    await close();
  }
}

/** How a job ended that has no result. */
function endOf({ class: found, exit, hint }: RunOutcome, { limits, signal }: RunJobOptions): string {
  if (signal?.aborted === true) return 'an abort';
  if (found === 'hang') return `a kill after ${limits.timeoutMs} ms without a step`;
  const by =
    exit === null ? (found ?? 'no attempt') : exit.signal === null ? `exit code ${exit.code}` : `signal ${exit.signal}`;
  return found === 'userError' || found === 'unknownKill' ? by : `${by}: ${hint}`;
}
