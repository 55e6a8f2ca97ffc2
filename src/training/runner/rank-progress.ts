import { join } from 'node:path';
import { type Heartbeat, type Liveness, readHeartbeat } from './heartbeat.ts';
import type { JournalEntry } from './journal.ts';
import { RUN_FORMAT, replaceJson, runFiles } from './run-files.ts';

export interface RankProgressOptions {
  /** Folder of the run, which has the heartbeats. */
  readonly folder: string;
  readonly ranks: number;
  readonly note: (event: string, data: JournalEntry['data']) => void;
}

/** The steps of the ranks of one attempt, as their heartbeats have them. */
export class RankProgress {
  readonly #options: RankProgressOptions;
  #attempt = 0;
  /** Step of the checkpoint that the attempt resumes from. */
  #resumed = 0;
  #step = 0;
  #hasRegressed = false;
  #hasDiverged = false;
  #isReported = false;

  constructor(options: RankProgressOptions) {
    this.#options = options;
  }

  /** The step that all ranks have done, as it was seen last. */
  get step(): number {
    return this.#step;
  }

  /** Whether a loss was not finite. */
  get hasDiverged(): boolean {
    return this.#hasDiverged;
  }

  /** Follows an attempt that resumes from a step. */
  begin(attempt: number, resumed: number): void {
    this.#attempt = attempt;
    this.#resumed = resumed;
    this.#step = resumed;
    this.#hasRegressed = false;
    this.#hasDiverged = false;
    this.#isReported = false;
  }

  /** Reads the heartbeats into the liveness. */
  see(liveness: Liveness, now: number): void {
    liveness.resumesFrom(this.#resumed);
    for (const [rank, heartbeat] of this.#heartbeats().entries()) {
      if (heartbeat === null) continue;
      this.#hasDiverged ||= heartbeat.diverged;
      this.#noteBack(rank, heartbeat, liveness.stepOf(rank));
      liveness.see(rank, heartbeat.step, now);
    }
    if (liveness.started) this.#step = Math.max(this.#step, liveness.step);
  }

  /** The step of the newest heartbeats, of all ranks: liveness counts from the first look alone. */
  end(): number {
    const heartbeats = this.#heartbeats();
    for (const [rank, heartbeat] of heartbeats.entries()) if (heartbeat !== null) this.#noteBack(rank, heartbeat, 0);
    const steps = heartbeats.map((heartbeat) => heartbeat?.step ?? 0);
    this.#step = Math.max(this.#step, Math.min(...steps));
    return this.#step;
  }

  /** A program that begins from the start although it got a checkpoint sees samples twice. */
  #noteBack(rank: number, { step, backTo }: Heartbeat, seen: number): void {
    const lowest = Math.min(step, backTo ?? step);
    if (this.#hasRegressed || (backTo === null && lowest >= Math.max(this.#resumed, seen))) return;
    this.#hasRegressed = true;
    this.#options.note('regressed', { rank, step: lowest, checkpoint: this.#resumed });
  }

  /** The program of the running gang starts again: the next step that is reported is the one that it resumes from. */
  startsAgain(): void {
    this.#isReported = false;
  }

  /** Writes the heartbeat of a gang of one rank whose step its back end knows. */
  report(step: number): void {
    if (!this.#isReported) this.#resumed = step;
    this.#isReported = true;
    const before = this.#heartbeats()[0];
    if (before !== null && before !== undefined && before.step === step) return;
    replaceJson(join(runFiles(this.#options.folder).heartbeats, '0.json'), {
      format: RUN_FORMAT,
      attempt: this.#attempt,
      step,
      samples: 0,
      loss: null,
      t: Date.now(),
      lastCheckpoint: null,
    });
  }

  /** When a rank reported last, epoch ms; 0: none did. */
  get lastAt(): number {
    return Math.max(0, ...this.#heartbeats().map((heartbeat) => heartbeat?.t ?? 0));
  }

  #heartbeats(): readonly (Heartbeat | null)[] {
    const { folder, ranks } = this.#options;
    return Array.from({ length: ranks }, (_, rank) => readHeartbeat(folder, rank, this.#attempt));
  }
}
