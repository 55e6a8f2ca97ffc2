import type { WorkerSeries } from '../readers/cluster.ts';
import { middle, quantile } from './utilisation.ts';

/** A job whose slowdown is above this for a while has a straggler (OSDI'25). */
const SLOW = 1.1;
/** Running median over this many samples of a worker: whole-run averages miss episodes. */
const WINDOW = 9;
/** More than this share of slow workers, and the median is no reference. */
const BIMODAL_FROM = 1 / 3;
/** The largest step between neighbours in the order of speed that still counts as one group. */
const GROUP_STEP = 1.5;
/** A worker that is always up to this much slower is different, not late. */
const HETEROGENEOUS = 1.12;
/** A worker must be slow for this many consecutive samples, or for this share of a short run. */
const EPISODE = 10;
const EPISODE_OF_RUN = 1 / 3;
/** And in so much of the run, unless it costs more than the next two say. */
const SUSTAINED = 0.06;
/** A worker that costs this share of the time of the reference is late, however short its lateness is. */
const HEAVY = 0.05;
/** Single samples above this ratio count for that: less is noise of single iterations. */
const HEAVY_RATIO = 1.2;
/** If all workers have occasional long iterations, a late one must cost this many times the median. */
const HEAVY_OF_MIDDLE = 3;

/** A worker that is slower than the reference for a while. */
export interface SlowWorker {
  readonly worker: string;
  /** Median ratio to the reference while slow, and over the run. */
  readonly ratioWhileSlow: number;
  readonly ratio: number;
  /** Share of the run in which it is slow, and when that begins. */
  readonly slowShare: number;
  /** Time lost to its slowness, as a share of the time of the reference. */
  readonly lostShare: number;
  readonly from: number;
  readonly until: number;
  readonly kind: 'persistent' | 'episodic';
}

/** How the workers of one synchronous job compare. */
export interface Stragglers {
  readonly workers: readonly { readonly worker: string; readonly median: number }[];
  /** The base of ratios: the median of all workers or, if more than a third are slow, of the fast group. */
  readonly reference: 'median of workers' | 'fast group';
  readonly fastGroup: readonly string[];
  readonly slow: readonly SlowWorker[];
  /** Sum over time of the slowest worker, divided by the sum of the reference. */
  readonly slowdown: number;
  /** Share of the time that waiting for the slowest takes. */
  readonly waitShare: number;
}

/** Finds workers that make others wait. */
export function findStragglers(series: readonly WorkerSeries[]): Stragglers {
  const workers = series
    .map(({ worker, values }) => ({ worker, median: middle(values) }))
    .sort((a, b) => a.median - b.median);
  const fastGroup = fastWorkers(workers);
  const bimodal =
    fastGroup.length < workers.length && workers.length - fastGroup.length > BIMODAL_FROM * workers.length;
  const counted = bimodal ? new Set(fastGroup) : new Set(workers.map(({ worker }) => worker));
  const smooth = series.map(({ worker, times, values }) => ({ worker, times, values: runningMedian(values) }));
  const times = [...new Set(series.flatMap(({ times: own }) => own))].sort((a, b) => a - b);
  const cursors = smooth.map(() => 0);
  const ratios = series.map((): Ratio[] => []);
  // Half-way between two workers neither is usual: the faster one is the reference.
  const usualOf = counted.size === 2 ? leastOf : middle;
  let slowest = 0;
  let usual = 0;
  for (const time of times) {
    const now = smooth.map(({ times: own, values }, index) => {
      while (cursors[index] + 1 < own.length && own[cursors[index] + 1] <= time) cursors[index] += 1;
      return own.length === 0 || own[0] > time ? Number.NaN : values[cursors[index]];
    });
    const base = usualOf(now.filter((_, index) => counted.has(smooth[index].worker)));
    // Without a worker to compare with there is no base.
    if (!(base > 0 && Number.isFinite(base))) continue;
    slowest += now.filter((value) => value > 0).reduce((most, value) => Math.max(most, value), 0);
    usual += base;
    for (const [index, value] of now.entries())
      if (!Number.isNaN(value))
        ratios[index].push({ at: time, base, ratio: value / base, own: series[index].values[cursors[index]] / base });
  }
  const lost = ratios.map((own) => heavyUs(own) / usual);
  const heavyFrom = Math.max(
    HEAVY,
    HEAVY_OF_MIDDLE *
      quantile(
        lost.toSorted((a, b) => a - b),
        0.5,
      ),
  );
  const slow = series.flatMap(({ worker }, index) =>
    slowWorker(worker, ratios[index], lost[index] >= heavyFrom, usual),
  );
  const slowdown = usual === 0 ? Number.NaN : Math.max(slowest / usual, 1 + lostToAny(slow, series, ratios) / usual);
  return {
    workers,
    reference: bimodal ? 'fast group' : 'median of workers',
    fastGroup: bimodal ? fastGroup : [],
    slow,
    slowdown,
    waitShare: slow.length === 0 || !(slowdown > 1) ? 0 : 1 - 1 / slowdown,
  };
}

/** A worker at one time: the reference, and what its running median and its own sample are of it. */
interface Ratio {
  readonly at: number;
  readonly base: number;
  readonly ratio: number;
  readonly own: number;
}

function leastOf(values: readonly number[]): number {
  return values.filter((value) => value > 0).reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
}

/** Time lost in single samples that are far above the reference. */
function heavyUs(ratios: readonly Ratio[]): number {
  return ratios.reduce((us, { own, base }) => (own > HEAVY_RATIO ? us + (own - 1) * base : us), 0);
}

/** Time that a job loses to the slowest of its slow workers at each time. */
function lostToAny(
  slow: readonly SlowWorker[],
  series: readonly WorkerSeries[],
  ratios: readonly (readonly Ratio[])[],
): number {
  const late = new Set(slow.map(({ worker }) => worker));
  const most = new Map<number, number>();
  for (const [index, { worker }] of series.entries()) {
    if (!late.has(worker)) continue;
    for (const { at, own, base } of ratios[index])
      if (own > SLOW) most.set(at, Math.max(most.get(at) ?? 0, (own - 1) * base));
  }
  return [...most.values()].reduce((sum, us) => sum + us, 0);
}

/** The workers before the first large step in the order of speed. */
function fastWorkers(workers: readonly { readonly worker: string; readonly median: number }[]): readonly string[] {
  const step = workers.findIndex(({ median }, index) => index > 0 && median > GROUP_STEP * workers[index - 1].median);
  return workers.slice(0, step < 0 ? undefined : step).map(({ worker }) => worker);
}

function slowWorker(worker: string, ratios: readonly Ratio[], heavy: boolean, usual: number): readonly SlowWorker[] {
  const ratio = middle(ratios.map((one) => one.ratio));
  const line = ratio > HETEROGENEOUS ? SLOW : Math.max(SLOW, ratio * 1.05);
  const sustained = hasEpisode(ratios, line) && shareOf(ratios, (one) => one.ratio > line) >= SUSTAINED;
  if (!sustained && !heavy) return [];
  const isSlow = sustained ? (one: Ratio) => one.ratio > line : (one: Ratio) => one.own > HEAVY_RATIO;
  const slow = ratios.filter(isSlow);
  const slowShare = slow.length / ratios.length;
  return [
    {
      worker,
      ratioWhileSlow: middle(slow.map((one) => (sustained ? one.ratio : one.own))),
      ratio,
      slowShare,
      lostShare: ratios.reduce((us, { own, base }) => (own > SLOW ? us + (own - 1) * base : us), 0) / usual,
      from: slow[0].at,
      until: slow[slow.length - 1].at,
      kind: slowShare > 0.7 ? 'persistent' : 'episodic',
    },
  ];
}

function shareOf(ratios: readonly Ratio[], test: (one: Ratio) => boolean): number {
  return ratios.filter(test).length / ratios.length;
}

/** Whether the worker is above the line for this many consecutive samples, with at most a tenth of exceptions. */
function hasEpisode(ratios: readonly Ratio[], line: number): boolean {
  const episode = Math.max(Math.min(EPISODE, Math.floor(ratios.length * EPISODE_OF_RUN)), 1);
  let slow = 0;
  for (const [index, { ratio }] of ratios.entries()) {
    if (ratio > line) slow += 1;
    if (index >= episode && ratios[index - episode].ratio > line) slow -= 1;
    if (index >= episode - 1 && slow >= 0.9 * episode) return true;
  }
  return false;
}

function runningMedian(values: readonly number[]): readonly number[] {
  const half = WINDOW >> 1;
  return values.map((_, index) => middle(values.slice(Math.max(index - half, 0), index + half + 1)));
}
