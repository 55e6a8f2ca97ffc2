import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/** The progress of a rank, in `heartbeats/<rank>.json`. */
const heartbeatSchema = z.object({
  format: z.literal(2),
  attempt: z.int().nonnegative(),
  /** Steps that are done. */
  step: z.int().nonnegative(),
  samples: z.int().nonnegative(),
  loss: z.number().nullable(),
  /** Whether its loss is not finite: `loss` is null then. */
  diverged: z.boolean().default(false),
  /** Epoch ms, by the clock of the rank. */
  t: z.number(),
  /** Step of its newest checkpoint. */
  lastCheckpoint: z.int().nonnegative().nullable(),
  /** The lowest step that came after a higher one in this attempt; null: none did. */
  backTo: z.int().nonnegative().nullable().default(null),
});

export type Heartbeat = Readonly<z.output<typeof heartbeatSchema>>;

/** The newest heartbeat of a rank in this attempt; null without one, and for a file that is no heartbeat. */
export function readHeartbeat(directory: string, rank: number, attempt: number): Heartbeat | null {
  try {
    const parsed = heartbeatSchema.safeParse(
      JSON.parse(readFileSync(join(directory, 'heartbeats', `${rank}.json`), 'utf8')),
    );
    return parsed.success && parsed.data.attempt === attempt ? parsed.data : null;
  } catch {
    return null;
  }
}

export interface LivenessOptions {
  readonly ranks: number;
  /** Now, ms of a clock that never jumps. */
  readonly now: number;
  /** The least time without progress after which a rank hangs, ms. */
  readonly leastMs: number;
  /** Time until the first new step of a rank, ms: set-up, loading of a checkpoint, compilation. */
  readonly startMs: number;
}

/**
 * Progress of the ranks of an attempt. A rank lives while its step advances: a process that exists proves nothing. A rank hangs
 * after max(`leastMs`, 5 × the median interval of steps + the longest checkpoint) without a step. The first heartbeat comes before the
 * program loads its checkpoint: until the first step after it, `startMs` holds.
 */
export class Liveness {
  readonly #options: LivenessOptions;
  readonly #last: { step: number; at: number }[];
  #resumed = 0;
  readonly #intervals: number[] = [];
  #checkpointMs = 0;

  constructor(options: LivenessOptions) {
    this.#options = options;
    this.#last = Array.from({ length: options.ranks }, () => ({ step: -1, at: options.now }));
  }

  /** The step that the attempt resumes from. */
  resumesFrom(step: number): void {
    this.#resumed = step;
  }

  /** Takes the step of a rank, as it stands at `now`. */
  see(rank: number, step: number, now: number): void {
    const last = this.#last[rank];
    if (last === undefined || step <= last.step) return;
    // The time to the first new step is that of loading, not of a step.
    if (last.step > this.#resumed) {
      this.#intervals.push((now - last.at) / (step - last.step));
      if (this.#intervals.length > 64) this.#intervals.shift();
    }
    last.step = step;
    last.at = now;
  }

  /** The newest step of a rank; −1 before the first. */
  stepOf(rank: number): number {
    return this.#last[rank]?.step ?? -1;
  }

  /** A rank that has ended cannot hang. */
  leave(rank: number): void {
    const last = this.#last[rank];
    if (last !== undefined) last.at = Number.POSITIVE_INFINITY;
  }

  /** A checkpoint that grows is progress of all ranks: none takes a step meanwhile. */
  writes(now: number): void {
    for (const last of this.#last) if (last.step >= 0 && last.at < now) last.at = now;
  }

  checkpointTook(ms: number): void {
    this.#checkpointMs = Math.max(this.#checkpointMs, ms);
  }

  get timeoutMs(): number {
    const sorted = [...this.#intervals].sort((a, b) => a - b);
    return Math.max(this.#options.leastMs, 5 * (sorted[sorted.length >> 1] ?? 0) + this.#checkpointMs);
  }

  /** The rank that is silent for longest, if it hangs at `now`. */
  hanging(now: number): { readonly rank: number; readonly silentMs: number } | null {
    const silent = this.#last
      .map(({ step, at }, rank) => ({
        rank,
        silentMs: now - at,
        allowed: step <= this.#resumed ? this.#options.startMs : this.timeoutMs,
      }))
      .filter(({ silentMs, allowed }) => silentMs > allowed)
      .sort((a, b) => b.silentMs - a.silentMs);
    return silent[0] ?? null;
  }

  /** Whether every rank has reported a step. */
  get started(): boolean {
    return this.#last.every(({ step }) => step >= 0);
  }

  /** Whether every rank has done a new step, after the one that it resumed. */
  get advanced(): boolean {
    return this.#last.every(({ step }) => step > this.#resumed);
  }

  /** The step that all ranks have done; 0 before the first. */
  get step(): number {
    return Math.max(0, Math.min(...this.#last.map(({ step }) => step)));
  }

  /** Ranks whose step is behind the median by more than `steps`. */
  stragglers(steps: number): readonly number[] {
    const sorted = this.#last.map(({ step }) => step).sort((a, b) => a - b);
    const median = sorted[sorted.length >> 1] ?? 0;
    return this.#last.flatMap(({ step }, rank) => (median - step > steps ? [rank] : []));
  }
}
