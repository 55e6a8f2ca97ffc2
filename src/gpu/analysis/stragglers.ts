import { SILENT_BELOW } from '../finding.ts';
import type { WorkerSeries } from '../readers/cluster.ts';
import { medianOf, quantile } from './statistics.ts';

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
/** A worker is late for this many consecutive samples, or for this share of a short run; or in single samples far above the rest. */
const EPISODE = 10;
const EPISODE_OF_RUN = 1 / 3;
const HEAVY_RATIO = 1.2;
/** A late worker costs this many times as much as the median one of the others. */
const OF_MIDDLE = 3;
/** A worker that costs less than this share of the most expensive one is left out: it was late in a few samples. */
const OF_MOST = 0.1;
/** A lateness that lasts to this near the end of the run continues: its share is that of the time since it began. */
const CONTINUES_WITHIN = 0.05;

/** A worker that is slower than the others for a while, and what that costs the synchronous step. */
export interface SlowWorker {
  readonly worker: string;
  /** Median ratio to the reference while slow, and over the run. */
  readonly ratioWhileSlow: number;
  readonly ratio: number;
  /** Share of the run in which it is slow. */
  readonly slowShare: number;
  /**
   * Its part of the time that the steps take longer than without all slow workers, as a share of all steps: the time between
   * the slowest and the second slowest is the slowest one's, that down to the third is shared by both, and so on.
   */
  readonly lostShare: number;
  /** The share that would be saved if it alone kept up: the slowest minus the second slowest, where it is the slowest. */
  readonly aloneShare: number;
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
  /** The slow workers, the most expensive first; none if all of them together cost less than a finding. */
  readonly slow: readonly SlowWorker[];
  /** How many times as long the steps take as without the lateness of the slow workers. */
  readonly slowdown: number;
  /** Share of the steps that the lateness takes; of the time since it began, if it continues. */
  readonly waitShare: number;
}

/** A worker at one time: the reference, and what its running median and its own sample are of it. */
interface Ratio {
  readonly at: number;
  readonly ratio: number;
  readonly own: number;
}

/** All workers at one time. */
interface Step {
  readonly at: number;
  readonly base: number;
  readonly own: readonly number[];
  readonly smooth: readonly number[];
}

/** Finds workers that make others wait. */
export function findStragglers(series: readonly WorkerSeries[]): Stragglers {
  const workers = series
    .map(({ worker, values }) => ({ worker, median: medianOf(values) }))
    .sort((a, b) => a.median - b.median);
  const fastGroup = fastWorkers(workers);
  const bimodal =
    fastGroup.length < workers.length && workers.length - fastGroup.length > BIMODAL_FROM * workers.length;
  const counted = bimodal ? new Set(fastGroup) : new Set(workers.map(({ worker }) => worker));
  const steps = stepsOf(series, counted);
  const moments = series.map((_, index) => slowMoments(ratiosOf(steps, index)));
  const all = costsOf(steps, moments);
  // If all workers have long iterations in turn, none of them is late.
  const late = moments.map((own, index) => {
    const others = all.lost.filter((_, other) => other !== index && counted.has(series[other].worker));
    const usual = quantile(
      others.toSorted((a, b) => a - b),
      0.5,
    );
    return all.lost[index] > OF_MIDDLE * (Number.isNaN(usual) ? 0 : usual) ? own : none;
  });
  const costs = costsOf(steps, late);
  const slow = series
    .flatMap(({ worker }, index) => slowWorker(worker, ratiosOf(steps, index), late[index], costs, index))
    .sort((a, b) => b.lostShare - a.lostShare)
    .filter(({ lostShare }, _, [most]) => lostShare >= OF_MOST * most.lostShare);
  const waitShare = slow.length === 0 ? 0 : Math.max(costs.all / costs.total, shareSince(steps, late, slow));
  const isMaterial = waitShare >= SILENT_BELOW;
  return {
    workers,
    reference: bimodal ? 'fast group' : 'median of workers',
    fastGroup: bimodal ? fastGroup : [],
    slow: isMaterial ? slow : [],
    slowdown: steps.length === 0 ? Number.NaN : costs.total / (costs.total - costs.all),
    waitShare: isMaterial ? waitShare : 0,
  };
}

const none: ReadonlySet<number> = new Set();

/** The workers at each time at which there is something to compare them with. */
function stepsOf(series: readonly WorkerSeries[], counted: ReadonlySet<string>): readonly Step[] {
  const runs = series.map(({ worker, times, values }) => ({ worker, times, values, smooth: runningMedian(values) }));
  const times = [...new Set(series.flatMap(({ times: own }) => own))].sort((a, b) => a - b);
  const cursors = runs.map(() => 0);
  // Half-way between two workers neither is usual: the faster one is the reference.
  const usualOf = counted.size === 2 ? leastOf : medianOf;
  return times.flatMap((at) => {
    for (const [index, { times: own }] of runs.entries())
      while (cursors[index] + 1 < own.length && own[cursors[index] + 1] <= at) cursors[index] += 1;
    const now = (values: (run: (typeof runs)[number]) => readonly number[]) =>
      runs.map((run, index) =>
        run.times.length === 0 || run.times[0] > at ? Number.NaN : values(run)[cursors[index]],
      );
    const smooth = now((run) => run.smooth);
    const base = usualOf(smooth.filter((_, index) => counted.has(runs[index].worker)));
    return base > 0 && Number.isFinite(base) ? [{ at, base, smooth, own: now(({ values }) => values) }] : [];
  });
}

function ratiosOf(steps: readonly Step[], index: number): readonly Ratio[] {
  return steps
    .filter(({ smooth }) => !Number.isNaN(smooth[index]))
    .map(({ at, base, own, smooth }) => ({ at, ratio: smooth[index] / base, own: own[index] / base }));
}

function leastOf(values: readonly number[]): number {
  return values.filter((value) => value > 0).reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
}

/** The workers before the first large step in the order of speed. */
function fastWorkers(workers: readonly { readonly worker: string; readonly median: number }[]): readonly string[] {
  const step = workers.findIndex(({ median }, index) => index > 0 && median > GROUP_STEP * workers[index - 1].median);
  return workers.slice(0, step < 0 ? undefined : step).map(({ worker }) => worker);
}

/** The times at which a worker is slow: in episodes above its line, and in single samples far above the reference. */
function slowMoments(ratios: readonly Ratio[]): ReadonlySet<number> {
  const ratio = medianOf(ratios.map((one) => one.ratio));
  const line = ratio > HETEROGENEOUS ? SLOW : Math.max(SLOW, ratio * 1.05);
  const inEpisodes = hasEpisode(ratios, line);
  return new Set(ratios.filter((one) => (inEpisodes && one.ratio > line) || one.own > HEAVY_RATIO).map(({ at }) => at));
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

/** The time of all steps, and what late workers add to it. */
interface Costs {
  readonly total: number;
  readonly all: number;
  /** By worker: its part, and what it alone adds. */
  readonly lost: readonly number[];
  readonly alone: readonly number[];
}

/**
 * A synchronous step takes as long as its slowest worker. Above the slowest worker that is not late, each stretch of time is
 * divided evenly among the late ones that need it: the Shapley value of this game (Littlechild and Owen 1973).
 */
function costsOf(steps: readonly Step[], late: readonly ReadonlySet<number>[]): Costs {
  const lost = late.map(() => 0);
  const alone = late.map(() => 0);
  let total = 0;
  let all = 0;
  for (const { at, own } of steps) {
    const order = [...own.keys()].filter((index) => own[index] > 0).sort((a, b) => own[b] - own[a]);
    const slowest = own[order[0]] ?? 0;
    total += slowest;
    const rest = own[order.find((index) => !late[index].has(at)) ?? order[order.length - 1]] ?? 0;
    const above = order.filter((index) => late[index].has(at) && own[index] > rest);
    if (above.length === 0) continue;
    all += slowest - rest;
    alone[above[0]] += slowest - (own[above[1]] ?? rest);
    for (const [count, index] of above.entries()) {
      const stretch = (own[index] - (own[above[count + 1]] ?? rest)) / (count + 1);
      for (const needs of above.slice(0, count + 1)) lost[needs] += stretch;
    }
  }
  return { total, all, lost, alone };
}

function slowWorker(
  worker: string,
  ratios: readonly Ratio[],
  late: ReadonlySet<number>,
  { total, lost, alone }: Costs,
  index: number,
): readonly SlowWorker[] {
  const slow = ratios.filter(({ at }) => late.has(at));
  if (slow.length === 0) return [];
  const slowShare = slow.length / ratios.length;
  return [
    {
      worker,
      // A running median does not show a lateness of a few samples.
      ratioWhileSlow: medianOf(slow.map((one) => (slow.length < EPISODE ? one.own : one.ratio))),
      ratio: medianOf(ratios.map((one) => one.ratio)),
      slowShare,
      lostShare: lost[index] / total,
      aloneShare: alone[index] / total,
      from: slow[0].at,
      until: slow[slow.length - 1].at,
      kind: slowShare > 0.7 ? 'persistent' : 'episodic',
    },
  ];
}

/** The share of the steps since the lateness began, if it continues at the end of the run and has lasted for an episode; else 0. */
function shareSince(steps: readonly Step[], late: readonly ReadonlySet<number>[], slow: readonly SlowWorker[]): number {
  const since = steps.filter(({ at }) => slow.some(({ from }) => at >= from));
  const recent = steps.slice(-Math.max(Math.floor(CONTINUES_WITHIN * steps.length), 1));
  if (since.length < EPISODE || !recent.some(({ at }) => late.some((own) => own.has(at)))) return 0;
  const { all, total } = costsOf(since, late);
  return all / total;
}

function runningMedian(values: readonly number[]): readonly number[] {
  const half = WINDOW >> 1;
  return values.map((_, index) => medianOf(values.slice(Math.max(index - half, 0), index + half + 1)));
}
