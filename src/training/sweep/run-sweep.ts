import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import type { TrainingBackend } from '../../ports/training-backend.ts';
import { Journal } from '../runner/journal.ts';
import type { RunSpecInput } from '../runner/run-spec.ts';
import { openScheduler } from './open-scheduler.ts';
import { runTrial } from './run-trial.ts';
import type { Parameters } from './search-space.ts';
import { checkSweepJournal, sweepEvidence } from './sweep-evidence.ts';
import type { SweepFile } from './sweep-file.ts';
import type { SweepJob, TrialLoss } from './sweep-scheduler.ts';
import { TrialSource } from './trial-source.ts';

export interface SweepOptions {
  /** Name of the sweep; the same when it is resumed. */
  readonly name: string;
  /** Folder of the sweep: its journal, and a folder for each trial. */
  readonly folder: string;
  readonly sweep: SweepFile;
  /** Opens the back end of one trial. */
  readonly open: (folder: string) => TrainingBackend;
  readonly signal?: AbortSignal;
  /** Opens the record of the sweep by its identity, which is the same when it is resumed. */
  readonly recorder?: (sweepId: string) => Promise<SweepRecorder>;
  /** Takes each result as it comes. */
  readonly onResult?: (result: SweepResult) => void;
  /** More of the runs' specification. */
  readonly run?: Partial<RunSpecInput>;
}

/** Where the results of a sweep are recorded; a resumed sweep records those of its journal again. */
export interface SweepRecorder {
  result(result: SweepResult): Promise<void>;
  end(outcome: SweepOutcome): Promise<void>;
}

/** One job that has ended. */
export interface SweepResult extends SweepJob {
  /** null: it was not finite, or the run failed. */
  readonly loss: number | null;
  readonly parameters: Parameters;
  /** Why the loss is not a number: `diverged`, or the class of the failure. */
  readonly failure: string | null;
  readonly seconds: number;
}

export interface SweepOutcome {
  readonly state: 'completed' | 'cancelled';
  readonly best: (TrialLoss & { readonly parameters: Parameters }) | null;
  readonly results: readonly SweepResult[];
  /** Budget that the jobs trained, and that all trials in full would have. */
  readonly trained: number;
  readonly inFull: number;
  readonly seconds: number;
}

/**
 * Runs a sweep: each job is a run that resumes its trial's newest checkpoint. The journal holds every job that started and every
 * loss, in order; it restores a sweep that was killed. A job that was running then is run again, and recorded once.
 * Errors: SWEEP_CHANGED (the folder has another sweep), RUN_JOURNAL.
 */
export async function runSweep(options: SweepOptions): Promise<SweepOutcome> {
  mkdirSync(options.folder, { recursive: true });
  const journal = Journal.open(join(options.folder, 'journal.jsonl'), options.name);
  try {
    return await new Sweep(options, journal).run();
  } finally {
    journal.close();
  }
}

class Sweep {
  readonly #options: SweepOptions;
  readonly #journal: Journal;
  readonly #source: TrialSource;
  readonly #scheduler: ReturnType<typeof openScheduler>['scheduler'];
  readonly #results: SweepResult[] = [];
  readonly #failed = new AbortController();
  #recorder: SweepRecorder | null = null;
  /** Jobs that the journal has as started, and not as recorded. */
  #interrupted: SweepJob[] = [];

  constructor(options: SweepOptions, journal: Journal) {
    this.#options = options;
    this.#journal = journal;
    const { scheduler, trials } = openScheduler(options.sweep);
    this.#scheduler = scheduler;
    this.#source = new TrialSource(options.sweep, trials);
    this.#restore();
  }

  async run(): Promise<SweepOutcome> {
    const running = new Map<string, Promise<void>>();
    const [first] = this.#journal.entries;
    this.#recorder = (await this.#options.recorder?.(`${this.#options.name} ${first?.wall}`)) ?? null;
    for (const result of this.#results) await this.#recorder?.result(result);
    try {
      const outcome = await this.#runJobs(running);
      await this.#recorder?.end(outcome);
      return outcome;
    } finally {
      // An error of one job ends the others: none runs after the journal is closed.
      this.#failed.abort();
      await Promise.allSettled(running.values());
    }
  }

  async #runJobs(running: Map<string, Promise<void>>): Promise<SweepOutcome> {
    for (;;) {
      while (running.size < this.#options.sweep.workers && this.#options.signal?.aborted !== true) {
        const job = this.#next();
        if (job === null) break;
        const key = `${job.trial}/${job.rung}`;
        running.set(
          key,
          this.#runJob(job).finally(() => running.delete(key)),
        );
      }
      if (running.size === 0) return this.#outcome();
      await Promise.race(running.values());
    }
  }

  /** Gives the scheduler what the journal has, in its order. */
  #restore(): void {
    const { sweep, folder } = this.#options;
    const [first] = this.#journal.entries;
    const declared = JSON.stringify(sweep);
    const evidence = sweepEvidence(this.#options);
    if (first === undefined) this.#journal.append({ attempt: 0, event: 'sweep', data: { declared, evidence } });
    else checkSweepJournal(first, { declared, evidence, folder });
    for (const { event, data } of this.#journal.entries.slice(1)) {
      const trial = Number(data['trial']);
      const rung = Number(data['rung']);
      if (event === 'job') {
        const job = this.#scheduler.next();
        // The scheduler gives the same jobs for the same calls.
        if (job === null || job.trial !== trial || job.rung !== rung)
          throw fail('SWEEP_CHANGED', { folder, differences: 'its jobs' });
        this.#source.begin(trial, this.#results);
        this.#interrupted.push(job);
      } else if (event === 'loss') {
        const job = this.#interrupted.find((one) => one.trial === trial && one.rung === rung);
        if (job === undefined) throw fail('SWEEP_CHANGED', { folder, differences: 'its jobs' });
        this.#interrupted = this.#interrupted.filter((one) => one !== job);
        this.#record(
          job,
          data['loss'] === null ? Number.NaN : Number(data['loss']),
          data['failure'] === null ? null : String(data['failure']),
          Number(data['seconds']),
        );
      }
    }
  }

  #next(): SweepJob | null {
    const interrupted = this.#interrupted.shift();
    if (interrupted !== undefined) return interrupted;
    const job = this.#scheduler.next();
    if (job === null) return null;
    this.#source.begin(job.trial, this.#results);
    this.#journal.append({ attempt: 0, event: 'job', data: { trial: job.trial, rung: job.rung } });
    return job;
  }

  async #runJob(job: SweepJob): Promise<void> {
    const { name, sweep, open, signal, run: spec } = this.#options;
    const end = await runTrial({
      run: `${name}-${job.trial}`,
      folder: join(this.#options.folder, 'trials', String(job.trial)),
      sweep,
      trial: job.trial,
      to: job.to,
      parameters: this.#source.of(job.trial),
      open,
      spec,
      signal: AbortSignal.any([this.#failed.signal, ...(signal === undefined ? [] : [signal])]),
    });
    if (end === null) return;
    const { loss, failure, seconds } = end;
    this.#journal.append({
      attempt: 0,
      event: 'loss',
      data: { trial: job.trial, rung: job.rung, loss: Number.isFinite(loss) ? loss : null, failure, seconds },
    });
    const result = this.#record(job, loss, failure, seconds);
    await this.#recorder?.result(result);
    this.#options.onResult?.(result);
  }

  #record(job: SweepJob, loss: number, failure: string | null, seconds: number): SweepResult {
    this.#scheduler.record(job, loss);
    const finite = Number.isFinite(loss) ? loss : null;
    const result = { ...job, loss: finite, failure, seconds, parameters: this.#source.of(job.trial) };
    this.#results.push(result);
    return result;
  }

  #outcome(): SweepOutcome {
    const best = this.#scheduler.best();
    const trials = new Set(this.#results.map(({ trial }) => trial));
    return {
      state: this.#options.signal?.aborted === true ? 'cancelled' : 'completed',
      best: best === null ? null : { ...best, parameters: this.#source.of(best.trial) },
      results: this.#results,
      trained: this.#results.reduce((sum, { from, to }) => sum + to - from, 0),
      inFull: trials.size * this.#options.sweep.budget.max,
      seconds: this.#results.reduce((sum, one) => sum + one.seconds, 0),
    };
  }
}
