import type { Position } from './position.ts';

/** How much of a job's tiles was compared with the events. */
export interface ComparedSample {
  readonly keys: number;
  readonly tiles: number;
}

/** Where a job can go on from. */
export interface RestorePoint {
  readonly path: string;
  /** Epoch ms. */
  readonly at: number;
}

/** What went wrong in a job. */
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
  /** What it went on from. */
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

/** What every controller of jobs needs to know of log and topics. */
export interface JobSurroundings {
  /** Makes what the job reads and writes; `anew`: it reads the log from its begin. */
  readonly prepare: (anew: boolean) => Promise<void>;
  /** Where the log ends, and up to where the job has it as of its newest checkpoint. */
  readonly logEnds: () => Promise<Position>;
  readonly done: () => Promise<Position>;
  /** Compares tiles of the job, which has the log up to a position, with the events. Error: TILES_DIFFERS. */
  readonly compare: (upTo: Position) => Promise<ComparedSample>;
}

/**
 * The jobs of an environment that make its tiles on another engine. What has to survive this process and the engine lies in the
 * environment's directory: which job has which key, and what it can go on from. Errors: TILES_*, those of the engine, LOG_*.
 *
 * Rules (tried on each engine by test/services):
 *  1. of one declaration one job runs, however often it is deployed; jobs of other declarations go on beside it;
 *  2. a job that is deployed again goes on from where it stopped, or from its newest checkpoint if it was killed;
 *  3. a state that may have lost parts of itself by age is refused;
 *  4. a job that was begun by `upgrade` and differs from the events is ended, and begins anew the next time.
 */
export interface TileJobs {
  /** Sees to it that the declared job runs: from what it can go on from, from the log's begin if that is nothing or `fresh` says so. */
  deploy(options?: { readonly fresh?: boolean }): Promise<Deployed>;
  /** Deploys, waits until the job has all that the log has now, and compares a sample of its tiles with the events. */
  upgrade(onWait: (behind: number) => void): Promise<Deployed & { readonly compared: ComparedSample }>;
  /** Ends the declared job such that the next deploy goes on; or, with `others`, those of other declarations. */
  stop(options?: { readonly others?: boolean }): Promise<readonly JobStatus[]>;
  /** How every deployed job stands; the declared one first. */
  status(): Promise<readonly JobStatus[]>;
  /** Looks after the declared job until `until`: deploys it again where it is lost. Error: TILES_FAILED, where it ended otherwise. */
  watch(until: Promise<void>, tell: (line: string) => void): Promise<void>;
}

/** How a deployed job came to run, in words. */
export function originText({ began, from }: Deployed): string {
  if (began === 'before') return 'which ran before';
  return began === 'anew' ? 'from the begin of the log' : `from ${from}`;
}

/** Events before `ends` that are not done. */
export function missingOf(ends: Position, done: Position): number {
  return Object.entries(ends).reduce(
    (sum, [topic, offsets]) =>
      offsets.reduce((all, end, partition) => all + Math.max(0, end - (done[topic]?.[partition] ?? 0)), sum),
    0,
  );
}
