import { medianOf } from '../../base/median.ts';
import { countTail } from '../../stats/count-tail.ts';
import { quantileOfSorted } from '../../stats/quantile-of-sorted.ts';

const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;
/** History that is read for a window. */
export const HISTORY_MS = 6 * WEEK_MS;
/** Past windows of the same place in the season that an expectation needs. */
const LEAST_WEEKS = 3;
const LEAST_DAYS = 7;
/** Days that are compared while there are too few weeks. */
const DAYS = 21;
/** Places in a season that the spread is read from, at most. */
const MOST_SLOTS = 1000;
/** A usual volume below it is too small to miss. */
const LEAST_USUAL = 20;
/** A window below this share of the usual volume is a fault, if chance alone is as rare as `EVIDENCE`: once in a year of hourly windows. */
const LITTLE = 0.6;
const EVIDENCE = 1e-4;
/** Quantiles .05 and .95 of a normal distribution lie this many standard deviations apart. */
const SPREAD = 3.29;

interface UsualVolume {
  /** Median of the past windows of the same hours. */
  readonly usual: number;
  /** Variance of counts beyond Poisson, as a share of the squared mean. */
  readonly dispersion: number;
  /** Whether the past windows are those of the same hours of the week, or of the day. */
  readonly of: 'week' | 'day';
  readonly windows: number;
}

/** A verdict on the volume of one window. */
export interface VolumeVerdict {
  readonly state: 'ok' | 'little' | 'insufficient';
  readonly reason: string;
  readonly usual: number | null;
}

/**
 * Counts of windows of `windowMs`, by begin; a window without a row counted 0. `since` is the begin of the first window that is whole:
 * nothing is known of those before.
 */
export interface CountedWindows {
  readonly windowMs: number;
  readonly since: number;
  readonly countOf: (begin: number) => number;
}

/**
 * The usual volume of a window: the median of the same hours of the six weeks before. While there are fewer than three weeks it is the
 * smaller of two medians, of the days before and of the weeks: a first week-end is no fault. Its dispersion is that of all windows of that
 * time, each against the others of its hours. Null: too little history.
 */
function usualVolume(counted: CountedWindows, begin: number): UsualVolume | null {
  const weekly = pastOf(counted, begin, WEEK_MS, HISTORY_MS / WEEK_MS);
  if (weekly.length >= LEAST_WEEKS) {
    const dispersion = dispersionOf(counted, begin, WEEK_MS, weekly.length);
    return { usual: usualOf(weekly), dispersion, of: 'week', windows: weekly.length };
  }
  if (counted.windowMs > DAY_MS) return null;
  const daily = pastOf(counted, begin, DAY_MS, DAYS);
  if (daily.length < LEAST_DAYS) return null;
  const usual = Math.min(usualOf(daily), usualOf(weekly));
  return { usual, dispersion: dispersionOf(counted, begin, DAY_MS, daily.length), of: 'day', windows: daily.length };
}

/** Judges a window by its usual volume. More than usual is never a fault. */
export function judgeVolume(counted: CountedWindows, begin: number): VolumeVerdict {
  const count = counted.countOf(begin);
  const expected = usualVolume(counted, begin);
  if (expected === null)
    return { state: 'insufficient', reason: 'too few past windows of the same hours', usual: null };
  const { usual, dispersion, of, windows } = expected;
  if (usual < LEAST_USUAL)
    return { state: 'insufficient', reason: `usually ${Math.round(usual)}, too few to miss any`, usual };
  const chance = countTail(count, usual, dispersion);
  const reason = `${count} came, usually ${Math.round(usual)} in the same hours of the ${of} (${windows} windows)`;
  const isLittle = count < LITTLE * usual && chance !== null && chance < EVIDENCE;
  return { state: isLittle ? 'little' : 'ok', reason, usual };
}

/** Counts one, two, … seasons before a window, newest first. */
function pastOf({ since, countOf }: CountedWindows, begin: number, season: number, most: number): readonly number[] {
  const past: number[] = [];
  for (let i = 1; i <= most && begin - i * season >= since; i += 1) past.push(countOf(begin - i * season));
  return past;
}

/**
 * How far windows lie from the median of the others of their hours, further than a Poisson count would. It is read off quantiles, so that
 * one past incident does not hide the next.
 */
function dispersionOf(counted: CountedWindows, begin: number, season: number, seasons: number): number {
  const distances: number[] = [];
  const chances: number[] = [];
  const slots = Math.max(1, Math.floor(season / counted.windowMs));
  for (let slot = 0; slot < slots; slot += Math.ceil(slots / MOST_SLOTS)) {
    const counts = pastOf(counted, begin - slot * counted.windowMs, season, seasons);
    for (const [i, count] of counts.entries()) {
      const usual = usualOf(counts.filter((_, j) => j !== i));
      if (usual < 1) continue;
      distances.push(count / usual - 1);
      chances.push(1 / usual);
    }
  }
  if (distances.length < 2) return 0;
  distances.sort((a, b) => a - b);
  const spread = (quantileOfSorted(distances, 0.95) - quantileOfSorted(distances, 0.05)) / SPREAD;
  return Math.max(0, spread ** 2 - usualOf(chances));
}

function usualOf(values: readonly number[]): number {
  return values.length === 0 ? 0 : medianOf(values);
}
