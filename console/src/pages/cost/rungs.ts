/** One trial of a sweep at one rung. */
export interface RungResult {
  readonly trial: number;
  /** Steps until which it trained. */
  readonly to: number;
  /** Null: it was not finite, or the run failed. */
  readonly loss: number | null;
  readonly seconds: number;
}

/** The members of the outcome of a sweep that a page reads. */
export interface SweepOutcome {
  readonly results: readonly RungResult[];
  /** Steps that the jobs trained, and that all trials in full would have. */
  readonly trained: number;
  readonly inFull: number;
  readonly best: { readonly trial: number; readonly loss: number } | null;
}

/** The trials of a sweep that reached a number of steps. */
export interface Rung {
  readonly to: number;
  readonly trials: number;
  readonly failed: number;
  readonly best: number | null;
  readonly median: number | null;
  /** Trials that went on to the next rung. */
  readonly promoted: number;
  readonly seconds: number;
}

/** The rungs of a sweep, the shortest first. */
export function rungsOf(results: readonly RungResult[]): readonly Rung[] {
  const steps = [...new Set(results.map(({ to }) => to))].toSorted((a, b) => a - b);
  return steps.map((to, i) => {
    const here = results.filter((one) => one.to === to);
    const losses = here.flatMap(({ loss }) => loss ?? []).toSorted((a, b) => a - b);
    const later = new Set(results.filter((one) => one.to === steps[i + 1]).map(({ trial }) => trial));
    return {
      to,
      trials: here.length,
      failed: here.length - losses.length,
      best: losses[0] ?? null,
      median: losses[Math.floor(losses.length / 2)] ?? null,
      promoted: here.filter(({ trial }) => later.has(trial)).length,
      seconds: here.reduce((sum, { seconds }) => sum + seconds, 0),
    };
  });
}
