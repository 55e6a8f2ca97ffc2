import type { SampleSeries } from '../readers/samples.ts';
import { greatestOf, meanOf, medianOf, quantile } from './statistics.ts';

/** A sample below this utilisation, in percent, counts as idle. */
const IDLE_BELOW = 1;
const SATURATED_FROM = 95;
/** A hole this many times the usual interval is not covered by the sample before it. */
const HOLE = 3;

/**
 * The headline number of one or more GPUs, taken apart: mean = nonIdleShare × meanOfNonIdle. Weighted by time, not by
 * sample. Percent and shares.
 */
export interface Utilisation {
  readonly samples: number;
  readonly mean: number;
  readonly sampleMean: number;
  readonly median: number;
  readonly nonIdleShare: number;
  readonly meanOfNonIdle: number;
  readonly idleShare: number;
  readonly saturatedShare: number;
  /** Usual time between samples and the longest; NaN without times. */
  readonly intervalMs: number;
  readonly longestHoleMs: number;
  readonly holes: number;
  readonly meanPowerW: number;
  readonly meanMemoryController: number;
  readonly peakMemoryShare: number;
  readonly meanClockMhz: number;
  /**
   * Shares of the busy samples in which SMs, Tensor Cores and memory were active, 0 to 1; of a distribution, of all time. NaN
   * where not recorded.
   */
  readonly smActive: number;
  readonly tensorActive: number;
  readonly dramActive: number;
  /** Range of the middle 90 % of non-idle samples. */
  readonly spread: readonly [number, number];
}

/** Takes the utilisation of a series apart. */
export function utilisationOf(series: readonly SampleSeries[]): Utilisation {
  const values: number[] = [];
  const weights: number[] = [];
  const intervals: number[] = [];
  for (const one of series) {
    const gaps = intervalsOf(one.timesMs);
    // Without times each sample counts as much.
    const known = medianOf(gaps);
    const usual = Number.isNaN(known) ? 1 : known;
    for (const gap of gaps) intervals.push(gap);
    for (const [index, value] of one.util.entries()) {
      if (Number.isNaN(value)) continue;
      values.push(value);
      // The last sample stands for no time, unless there is no other.
      const next = gaps[index] ?? (gaps.length === 0 ? 1 : 0);
      weights.push(Number.isNaN(next) || next < 0 ? usual : next);
    }
  }
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const weighted = (test: (value: number) => boolean, pick: (value: number) => number) =>
    values.reduce((sum, value, index) => (test(value) ? sum + pick(value) * weights[index] : sum), 0) / total;
  const nonIdleShare = weighted(
    (value) => value >= IDLE_BELOW,
    () => 1,
  );
  const mean = weighted(
    () => true,
    (value) => value,
  );
  const usual = medianOf(intervals);
  const active = values.filter((value) => value >= IDLE_BELOW).sort((a, b) => a - b);
  const flat = (pick: (one: SampleSeries) => readonly number[]) => meanOf(series.flatMap((one) => pick(one)));
  return {
    samples: values.length,
    mean,
    sampleMean: meanOf(values),
    median: medianOf(values),
    nonIdleShare,
    meanOfNonIdle:
      nonIdleShare === 0
        ? Number.NaN
        : weighted(
            (value) => value >= IDLE_BELOW,
            (value) => value,
          ) / nonIdleShare,
    idleShare: 1 - nonIdleShare,
    saturatedShare: weighted(
      (value) => value >= SATURATED_FROM,
      () => 1,
    ),
    intervalMs: usual,
    longestHoleMs: greatestOf(intervals),
    holes: intervals.filter((interval) => interval > Math.min(HOLE * usual, usual + 1000)).length,
    meanPowerW: flat(({ powerW }) => powerW),
    meanMemoryController: flat(({ memoryController }) => memoryController),
    peakMemoryShare: peakMemory(series),
    meanClockMhz: flat(({ clockMhz }) => clockMhz),
    ...activityOf(series),
    spread: [quantile(active, 0.05), quantile(active, 0.95)],
  };
}

/** Means of activity over the samples in which a kernel ran; over all where the file does not tell which these are. */
export function activityOf(
  series: readonly SampleSeries[],
): Pick<Utilisation, 'smActive' | 'tensorActive' | 'dramActive'> {
  const mean = (pick: (one: SampleSeries) => readonly number[]) =>
    meanOf(
      series.flatMap((one) =>
        pick(one).filter((_, index) => one.util.length !== pick(one).length || !(one.util[index] < IDLE_BELOW)),
      ),
    );
  return {
    smActive: mean(({ smActive }) => smActive),
    tensorActive: mean(({ tensorActive }) => tensorActive),
    dramActive: mean(({ dramActive }) => dramActive),
  };
}

function intervalsOf(times: readonly number[]): readonly number[] {
  const intervals: number[] = [];
  for (let index = 1; index < times.length; index += 1) intervals.push(times[index] - times[index - 1]);
  return intervals.map((interval) => (interval >= 0 ? interval : Number.NaN));
}

function peakMemory(series: readonly SampleSeries[]): number {
  const shares = series.map(({ memoryUsedMb, memoryTotalMb }) =>
    memoryTotalMb === undefined ? Number.NaN : greatestOf(memoryUsedMb) / memoryTotalMb,
  );
  return greatestOf(shares);
}
