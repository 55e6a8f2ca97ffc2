import { medianOf } from '../../base/median.ts';

/** One training run with a batch size: the epochs until the target was reached, or null. */
export interface TargetRun {
  readonly batch: number;
  readonly epochs: number | null;
}

/** Time and cost to a target quality at one batch size. */
export interface TargetCost {
  readonly batch: number;
  readonly runs: number;
  readonly reachedShare: number;
  /** Median over runs; a run that never reaches the target counts as infinite. Null where the median does. */
  readonly medianEpochs: number | null;
  readonly seconds: number | null;
}

/**
 * Time to a target quality by batch size: median epochs to the target times the time of an epoch (Zeus, NSDI 2023). The batch with the
 * shortest epoch is often not the one that is first at the target.
 */
export function costToTarget(
  runs: readonly TargetRun[],
  epochSeconds: ReadonlyMap<number, number>,
): readonly TargetCost[] {
  const batches = [...new Set(runs.map(({ batch }) => batch))].sort((a, b) => a - b);
  return batches.map((batch) => {
    const epochs = runs.filter((run) => run.batch === batch).map((run) => run.epochs ?? Number.POSITIVE_INFINITY);
    const median = medianOf(epochs);
    const perEpoch = epochSeconds.get(batch);
    const known = Number.isFinite(median);
    return {
      batch,
      runs: epochs.length,
      reachedShare: epochs.filter(Number.isFinite).length / epochs.length,
      medianEpochs: known ? median : null,
      seconds: known && perEpoch !== undefined ? median * perEpoch : null,
    };
  });
}
