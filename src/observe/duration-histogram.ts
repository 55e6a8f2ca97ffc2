import { binOf, edgeOf, middleOf } from '../features/aggregate/bins.ts';

/** Nanoseconds beyond this count as this: 104 days. */
const MOST_NS = Number.MAX_SAFE_INTEGER;
const BINS = binOf(MOST_NS) + 1;
const NS_PER_MS = 1e6;

/** Counts by bin, ascending: bin, count, bin, count … */
export type SparseCounts = readonly number[];

/**
 * Durations counted in log-linear bins of whole nanoseconds, 64 to an octave (`features/aggregate/bins.ts`), so that a
 * percentile is within 0.8 % of the measured one at every size. Merged by adding, bin by bin: over time and over
 * processes. Hot path: two stores an observation. One that counted nothing has no bins: most of a large project are such.
 */
export class DurationHistogram {
  /** Observations. */
  count = 0;
  /** Their sum, ms. */
  sumMs = 0;
  #counts: Float64Array | null = null;

  /** Counts a duration; a negative one, from a clock that was set back, as 0. */
  add(ms: number): void {
    const ns = Math.trunc(ms * NS_PER_MS);
    this.#bins()[ns > 0 ? binOf(Math.min(ns, MOST_NS)) : 0] += 1;
    this.count += 1;
    this.sumMs += ms;
  }

  /** Adds what another one counted. */
  merge(other: DurationHistogram): void {
    if (other.#counts === null) return;
    const counts = this.#bins();
    for (let bin = 0; bin < BINS; bin += 1) counts[bin] += other.#counts[bin];
    this.count += other.count;
    this.sumMs += other.sumMs;
  }

  /** Adds counts by bin. */
  addCounts(counts: SparseCounts, sumMs: number): void {
    const bins = counts.length === 0 ? [] : this.#bins();
    for (let i = 0; i < counts.length; i += 2) {
      bins[counts[i]] += counts[i + 1];
      this.count += counts[i + 1];
    }
    this.sumMs += sumMs;
  }

  /** The counts of the bins that have any. */
  counts(): SparseCounts {
    const sparse: number[] = [];
    if (this.#counts === null) return sparse;
    for (let bin = 0; bin < BINS; bin += 1) if (this.#counts[bin] > 0) sparse.push(bin, this.#counts[bin]);
    return sparse;
  }

  clear(): void {
    this.#counts?.fill(0);
    this.count = 0;
    this.sumMs = 0;
  }

  /** The duration that the given share of the observations stayed within, ms; null before the first. */
  percentile(share: number): number | null {
    if (this.count === 0 || this.#counts === null) return null;
    let left = Math.max(1, Math.ceil(share * this.count));
    let bin = -1;
    while (left > 0 && bin + 1 < BINS) {
      bin += 1;
      left -= this.#counts[bin];
    }
    return middleOf(bin) / NS_PER_MS;
  }

  /** Observations of at most each of the ascending bounds, ms; the bin that holds a bound counts where it begins. */
  within(boundsMs: readonly number[]): readonly number[] {
    const counts = this.#counts;
    if (counts === null) return boundsMs.map(() => 0);
    let bin = 0;
    let sum = 0;
    return boundsMs.map((bound) => {
      for (; bin < BINS && edgeOf(bin) <= bound * NS_PER_MS; bin += 1) sum += counts[bin];
      return sum;
    });
  }

  #bins(): Float64Array {
    this.#counts ??= new Float64Array(BINS);
    return this.#counts;
  }
}

/** Whether counts by bin are of this histogram: bins ascending and within it, counts whole and positive. */
export function areCounts(counts: readonly number[]): boolean {
  if (counts.length % 2 !== 0) return false;
  for (let i = 0; i < counts.length; i += 2) {
    const bin = counts[i];
    const ascending = Number.isInteger(bin) && bin >= 0 && bin < BINS && (i === 0 || bin > counts[i - 2]);
    if (!ascending || !Number.isSafeInteger(counts[i + 1]) || counts[i + 1] < 1) return false;
  }
  return true;
}
