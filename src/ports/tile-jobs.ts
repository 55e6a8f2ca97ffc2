import type { Position } from './position.ts';

/** How much of a job's tiles was compared with the events. */
export interface ComparedSample {
  readonly keys: number;
  readonly tiles: number;
}

/** A state that a job can resume from. */
export interface RestorePoint {
  readonly path: string;
  /** Epoch ms. */
  readonly at: number;
}

/** A failure of a job. */
export interface JobFailure {
  /** Epoch ms. */
  readonly at: number;
  readonly task: string | null;
  /** The innermost cause. */
  readonly reason: string;
}

/** How a job came to run. */
export interface Deployed {
  readonly jobId: string;
  readonly began: 'anew' | 'restored' | 'before';
  /** The state that it resumed from. */
  readonly from: string | null;
}

/** How a job that was deployed stands. */
export interface JobStatus {
  readonly key: string;
  /** Whether it is the one of the present declaration. */
  readonly declared: boolean;
  readonly jobId: string;
  /** As the engine says it; `STOPPED` on purpose, `LOST` where nothing knows of it any more. */
  readonly state: string;
  readonly checkpoint: RestorePoint | null;
  readonly failures: readonly JobFailure[];
}

/** The log and topics, as every controller of jobs needs them. */
export interface JobSurroundings {
  /** Makes what the job reads and writes; `anew`: it reads the log from its begin. */
  readonly prepare: (anew: boolean) => Promise<void>;
  /** The end of the log, and the job's position in it as of its newest checkpoint. */
  readonly logEnds: () => Promise<Position>;
  readonly done: () => Promise<Position>;
  /** Compares tiles of the job, which has the log up to a position, with the events. Error: TILES_DIFFERS. */
  readonly compare: (upTo: Position) => Promise<ComparedSample>;
}

/**
 * The jobs of an environment that compute its tiles on another engine. The environment's directory keeps the key of each job
 * and the states that it can resume from. Errors: TILES_*, those of the engine, LOG_*.
 *
 * Rules (tried on each engine by test/services):
 *  1. one declaration has one running job, however often it is deployed; jobs of other declarations keep running;
 *  2. a job that is deployed again resumes from its stop, or from its newest checkpoint if it was killed;
 *  3. a state that may have lost parts by age is rejected;
 *  4. a job of `upgrade` that differs from the events is stopped, and starts fresh the next time.
 */
export interface TileJobs {
  /** Deploys the declared job, or resumes it from its last state. Without a state, or with `fresh`, it starts at the log's beginning. */
  deploy(options?: { readonly fresh?: boolean }): Promise<Deployed>;
  /** Deploys, waits until the job has all that the log has now, and compares a sample of its tiles with the events. */
  upgrade(onWait: (behind: number) => void): Promise<Deployed & { readonly compared: ComparedSample }>;
  /** Stops the declared job so that the next deploy resumes it; with `others`, the jobs of other declarations. */
  stop(options?: { readonly others?: boolean }): Promise<readonly JobStatus[]>;
  /** How every deployed job stands; the declared one first. */
  status(): Promise<readonly JobStatus[]>;
  /** Looks after the declared job until `until`: deploys it again where it is lost. Error: TILES_FAILED, where it ended otherwise. */
  watch(until: Promise<void>, tell: (line: string) => void): Promise<void>;
}

/** How a deployed job came to run, in words. */
export function originText({ began, from }: Deployed): string {
  if (began === 'before') return 'started earlier';
  return began === 'anew' ? 'from the start of the log' : `from ${from}`;
}

/** Events before `ends` that are not done. */
export function missingOf(ends: Position, done: Position): number {
  return Object.entries(ends).reduce(
    (sum, [topic, offsets]) =>
      offsets.reduce((all, end, partition) => all + Math.max(0, end - (done[topic]?.[partition] ?? 0)), sum),
    0,
  );
}
