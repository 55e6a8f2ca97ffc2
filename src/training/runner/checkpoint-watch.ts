import { checkCheckpoint, checkpointNames, pruneCheckpoints, stepOf, unfinishedBytes } from './checkpoints.ts';
import type { Liveness } from './heartbeat.ts';
import type { JournalEntry } from './journal.ts';
import { RUN_FORMAT, type RunFiles, replaceJson } from './run-files.ts';
import type { RunSpec } from './run-spec.ts';
import type { RunState } from './run-state.ts';

export interface CheckpointWatchOptions {
  readonly files: RunFiles;
  readonly spec: RunSpec;
  readonly note: (event: string, data: JournalEntry['data']) => void;
  readonly enter: (state: RunState) => void;
  /** Name of the newest checkpoint of the journal. */
  readonly lastNoted: () => unknown;
}

/** One checkpoint that is read. */
interface Verification {
  ended: boolean;
  failure: unknown;
  work: Promise<void>;
}

/** Asks the ranks for checkpoints when they are due, verifies new ones, and removes old ones after that. */
export class CheckpointWatch {
  readonly #options: CheckpointWatchOptions;
  #attempt = 0;
  #asked = 0;
  #requests = 0;
  #damaged = '';
  #verifying: Verification | null = null;
  /** Bytes of unfinished writes at the last look. */
  #written = 0;

  constructor(options: CheckpointWatchOptions) {
    this.#options = options;
  }

  /** Begins an attempt; the first request is due after the interval. */
  start(attempt: number): void {
    this.#attempt = attempt;
    this.#damaged = '';
    this.#asked = performance.now();
  }

  /**
   * Looks for a new checkpoint. It is read in the background: news of instances and ranks do not wait for gigabytes. Throws the
   * error of a verification.
   */
  look(liveness: Liveness, state: RunState, now: number): void {
    this.#seeWriting(liveness, now);
    if (this.#verifying !== null && !this.#verifying.ended) return;
    const failure = this.#verifying?.failure;
    const came = this.#verifying !== null;
    this.#verifying = null;
    if (failure !== undefined) throw failure;
    // A damaged checkpoint is an answer too: the next request is due after the interval.
    if (came && state === 'checkpointing') this.#options.enter('running');
    if (came) this.#asked = now;
    const [newest] = checkpointNames(this.#options.files.checkpoints);
    if (newest !== undefined && newest !== this.#options.lastNoted() && newest !== this.#damaged) {
      if (state === 'checkpointing') liveness.checkpointTook(now - this.#asked);
      this.#verifying = this.#begin(newest);
    } else if (state === 'running') this.#ask(now);
  }

  /** Waits for the verification that runs; the next look takes its result. */
  async verified(): Promise<void> {
    await this.#verifying?.work;
  }

  /** Takes the last checkpoints of ranks that have ended. */
  async settle(liveness: Liveness, state: RunState, now: number): Promise<void> {
    await this.verified();
    this.look(liveness, state === 'checkpointing' ? 'starting' : state, now);
    await this.verified();
    if (this.#verifying?.failure !== undefined) throw this.#verifying.failure;
    this.#verifying = null;
  }

  #begin(name: string): Verification {
    const verification: Verification = { ended: false, failure: undefined, work: Promise.resolve() };
    verification.work = this.#verify(name).then(
      () => {
        verification.ended = true;
      },
      (error: unknown) => {
        verification.ended = true;
        verification.failure = error;
      },
    );
    return verification;
  }

  #seeWriting(liveness: Liveness, now: number): void {
    const bytes = unfinishedBytes(this.#options.files.checkpoints);
    if (bytes > 0 && bytes !== this.#written) liveness.writes(now);
    this.#written = bytes;
  }

  /** Reads a new checkpoint whole, and notes what it is. */
  async #verify(name: string): Promise<void> {
    const { files, spec, note } = this.#options;
    const checked = await checkCheckpoint(`${files.checkpoints}/${name}`);
    if ('reason' in checked) {
      note('damagedCheckpoint', { name, reason: checked.reason });
      this.#damaged = name;
      return;
    }
    const bytes = checked.manifest.files.reduce((sum, file) => sum + file.bytes, 0);
    note('checkpoint', { name, step: stepOf(name), bytes });
    pruneCheckpoints(files.checkpoints, spec.keep);
  }

  #ask(now: number): void {
    const { files, spec, enter } = this.#options;
    if (spec.checkpointSeconds === null || now - this.#asked < spec.checkpointSeconds * 1000) return;
    this.#asked = now;
    this.#requests += 1;
    enter('checkpointing');
    replaceJson(files.request, { format: RUN_FORMAT, id: `${this.#attempt}.${this.#requests}`, kind: 'checkpoint' });
  }
}
