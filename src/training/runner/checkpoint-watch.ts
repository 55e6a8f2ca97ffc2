import { checkCheckpoint, checkpointNames, pruneCheckpoints, stepOf } from './checkpoints.ts';
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

/** Asks the ranks for checkpoints when they are due, verifies new ones, and removes old ones after that. */
export class CheckpointWatch {
  readonly #options: CheckpointWatchOptions;
  #attempt = 0;
  #asked = 0;
  #requests = 0;
  #damaged = '';

  constructor(options: CheckpointWatchOptions) {
    this.#options = options;
  }

  /** Begins an attempt; the first request is due after the interval. */
  start(attempt: number): void {
    this.#attempt = attempt;
    this.#damaged = '';
    this.#asked = performance.now();
  }

  async look(liveness: Liveness, state: RunState, now: number): Promise<void> {
    const [newest] = checkpointNames(this.#options.files.checkpoints);
    const came = newest !== undefined && newest !== this.#options.lastNoted() && newest !== this.#damaged;
    if (came) await this.#verify(newest);
    // A damaged checkpoint is an answer too: the next request is due after the interval.
    if (came && state === 'checkpointing') {
      liveness.checkpointTook(now - this.#asked);
      this.#options.enter('running');
    }
    if (came) this.#asked = now;
    else if (state === 'running') this.#ask(now);
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
