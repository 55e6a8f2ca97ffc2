import { randomBytes } from 'node:crypto';
import { fail } from '../../base/errors/fail.ts';
import { turnsInOrder } from '../../base/in-turn.ts';
import type { Clock } from '../../base/time.ts';
import type { DeadRow } from '../../serving/batch/dead-rows.ts';
import { catalogued, type ErrorBody, errorBody } from '../error-answer.ts';

export type JobState = 'waiting' | 'running' | 'done' | 'failed' | 'cancelled';

/** The kinds of work of a job. */
export interface JobTask {
  /** `train`, `backfill`. */
  readonly kind: string;
  /** The model or view that it is about. */
  readonly target: string;
  /** Rows that a batch of predictions has given up, at most this many; other work has none. */
  readonly deadRows?: (most: number) => Promise<readonly DeadRow[]>;
  /** Does the work. It ends soon after `signal` is aborted, and then leaves nothing registered. */
  readonly work: (run: JobRun) => Promise<unknown>;
}

/** How far a job over rows is. */
export interface JobProgress {
  readonly rows: number;
  readonly total: number;
  /** Rows that were given up. */
  readonly quarantined: number;
  readonly retries: number;
  readonly rowsPerSecond: number;
  /** Time until the end at this rate, ms; null: not known. */
  readonly etaMs: number | null;
}

/** The context of the work of a job. */
export interface JobRun {
  readonly signal: AbortSignal;
  /** Adds a progress line. */
  readonly say: (line: string) => void;
  /** Says how far it is. */
  readonly progress: (now: JobProgress) => void;
}

/** A job as it is reported. */
export interface JobReport {
  readonly id: string;
  readonly kind: string;
  readonly target: string;
  readonly state: JobState;
  /** Epoch ms. */
  readonly askedAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** Progress lines from the number that was asked for on; the oldest of very many are dropped. */
  readonly lines: readonly string[];
  /** The number of the next line. */
  readonly next: number;
  /** Null: the work is not over rows, or has not begun. */
  readonly progress: JobProgress | null;
  /** The return value of the work; null until it is done. */
  readonly result: unknown;
  readonly error: ErrorBody['error'] | null;
}

interface Job {
  readonly id: string;
  readonly task: JobTask;
  readonly abort: AbortController;
  readonly askedAt: number;
  state: JobState;
  startedAt: number | null;
  endedAt: number | null;
  lines: string[];
  /** The number of the first line that is kept. */
  first: number;
  progress: JobProgress | null;
  result: unknown;
  error: ErrorBody['error'] | null;
}

/** Ended jobs that are still reported. */
const MOST_ENDED = 50;
const MOST_WAITING = 20;
const MOST_LINES = 500;
const LONGEST_LINE = 500;

/**
 * The long jobs of a server: one runs at a time, in the order in which they were asked for. Each has an id, progress lines and a state
 * until it is among the oldest that have ended. Closing it cancels them all.
 */
export class JobBoard {
  readonly #clock: Clock;
  readonly #jobs = new Map<string, Job>();
  readonly #inTurn = turnsInOrder();
  #isClosed = false;

  constructor(clock: Clock = Date.now) {
    this.#clock = clock;
  }

  /** Errors: JOB_RUNNING, JOB_QUEUE, SERVER_CLOSING. */
  start(task: JobTask): JobReport {
    if (this.#isClosed) throw fail('SERVER_CLOSING', {});
    const open = [...this.#jobs.values()].filter(({ endedAt }) => endedAt === null);
    const same = open.find((job) => job.task.kind === task.kind && job.task.target === task.target);
    if (same !== undefined) throw fail('JOB_RUNNING', { id: same.id });
    const waiting = open.filter(({ state }) => state === 'waiting').length;
    if (waiting >= MOST_WAITING) throw fail('JOB_QUEUE', { waiting });
    const job: Job = {
      id: `${task.kind}-${randomBytes(6).toString('hex')}`,
      task,
      abort: new AbortController(),
      askedAt: this.#clock(),
      state: 'waiting',
      startedAt: null,
      endedAt: null,
      lines: [],
      first: 0,
      progress: null,
      result: null,
      error: null,
    };
    this.#jobs.set(job.id, job);
    void this.#inTurn(() => this.#run(job));
    return reportOf(job, 0);
  }

  /** A job with its lines from number `after` on. Error: JOB_UNKNOWN. */
  report(id: string, after = 0): JobReport {
    return reportOf(this.#jobOf(id), after);
  }

  /** Every job, the newest first, without lines. */
  list(): readonly JobReport[] {
    return [...this.#jobs.values()].map((job) => reportOf(job, job.first + job.lines.length)).toReversed();
  }

  /** Rows that a job has given up. Errors: JOB_UNKNOWN, PREDICT_MANIFEST. */
  async deadRows(id: string, most: number): Promise<readonly DeadRow[]> {
    return (await this.#jobOf(id).task.deadRows?.(most)) ?? [];
  }

  /** Ends a job; one that has ended stays as it is. Error: JOB_UNKNOWN. */
  cancel(id: string): JobReport {
    const job = this.#jobOf(id);
    job.abort.abort();
    // Its turn may be far away.
    if (job.state === 'waiting') this.#end(job, 'cancelled');
    return reportOf(job, job.first + job.lines.length);
  }

  /** Cancels every job, and ends when none runs. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const id of this.#jobs.keys()) this.cancel(id);
    await this.#inTurn(async () => undefined);
  }

  async #run(job: Job): Promise<void> {
    if (job.state !== 'waiting') return;
    job.state = 'running';
    job.startedAt = this.#clock();
    try {
      job.result = await job.task.work({
        signal: job.abort.signal,
        say: (line) => say(job, line),
        progress: (now) => {
          job.progress = now;
        },
      });
      this.#end(job, 'done');
    } catch (error) {
      job.error = errorBody(catalogued(error)).error;
      this.#end(job, job.abort.signal.aborted ? 'cancelled' : 'failed');
    }
  }

  #end(job: Job, state: JobState): void {
    job.state = state;
    job.endedAt = this.#clock();
    const ended = [...this.#jobs.values()].filter(({ endedAt }) => endedAt !== null);
    for (const { id } of ended.slice(0, Math.max(0, ended.length - MOST_ENDED))) this.#jobs.delete(id);
  }

  #jobOf(id: string): Job {
    const job = this.#jobs.get(id);
    if (job === undefined) throw fail('JOB_UNKNOWN', { id });
    return job;
  }
}

function say(job: Job, line: string): void {
  job.lines.push(line.slice(0, LONGEST_LINE));
  if (job.lines.length <= MOST_LINES) return;
  job.lines.shift();
  job.first += 1;
}

function reportOf(job: Job, after: number): JobReport {
  const { id, task, state, askedAt, startedAt, endedAt, lines, first, progress, result, error } = job;
  return {
    id,
    kind: task.kind,
    target: task.target,
    state,
    askedAt,
    startedAt,
    endedAt,
    lines: lines.slice(Math.max(0, after - first)),
    next: first + lines.length,
    progress,
    result,
    error,
  };
}
