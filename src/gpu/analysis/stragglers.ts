import type { WorkerSeries } from '../readers/cluster.ts';
import { middle } from './utilisation.ts';

/** A job whose slowdown is above this for a while has a straggler (OSDI'25). */
const SLOW = 1.1;
/** Running median over so many samples of a worker: whole-run averages miss episodes. */
const WINDOW = 9;
/** More than this share of slow workers, and the median is no reference. */
const BIMODAL_FROM = 1 / 3;
/** The largest step between neighbours in the order of speed that still counts as one group. */
const GROUP_STEP = 1.5;
/** A worker that is always up to this much slower is different, not late. */
const HETEROGENEOUS = 1.12;
/** So many samples running must a worker be slow to count. */
const EPISODE = 10;
/** And in so much of the run. */
const SUSTAINED = 0.06;

/** A worker that is slower than the reference for a while. */
export interface SlowWorker {
  readonly worker: string;
  /** Median ratio to the reference while slow, and over the run. */
  readonly ratioWhileSlow: number;
  readonly ratio: number;
  /** Share of the run in which it is slow, and when that begins. */
  readonly slowShare: number;
  readonly from: number;
  readonly until: number;
  readonly kind: 'persistent' | 'episodic';
}

/** How the workers of one synchronous job compare. */
export interface Stragglers {
  readonly workers: readonly { readonly worker: string; readonly median: number }[];
  /** What ratios are taken against: the median of all workers or, if more than a third are slow, of the fast group. */
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
  const ratios = new Map<string, { at: number; ratio: number }[]>(series.map(({ worker }) => [worker, []]));
  let slowest = 0;
  let usual = 0;
  for (const time of times) {
    const now = smooth.map(({ times: own, values }, index) => {
      while (cursors[index] + 1 < own.length && own[cursors[index] + 1] <= time) cursors[index] += 1;
      return own.length === 0 || own[0] > time ? Number.NaN : values[cursors[index]];
    });
    const base = middle(now.filter((_, index) => counted.has(smooth[index].worker)));
    if (!(base > 0)) continue;
    slowest += now.filter((value) => value > 0).reduce((most, value) => Math.max(most, value), 0);
    usual += base;
    for (const [index, value] of now.entries())
      if (!Number.isNaN(value)) ratios.get(smooth[index].worker)?.push({ at: time, ratio: value / base });
  }
  const slow = series.flatMap(({ worker }) => slowWorker(worker, ratios.get(worker) ?? []));
  const slowdown = usual === 0 ? Number.NaN : slowest / usual;
  return {
    workers,
    reference: bimodal ? 'fast group' : 'median of workers',
    fastGroup: bimodal ? fastGroup : [],
    slow,
    slowdown,
    waitShare: slow.length === 0 || !(slowdown > 1) ? 0 : 1 - 1 / slowdown,
  };
}

/** The workers before the first large step in the order of speed. */
function fastWorkers(workers: readonly { readonly worker: string; readonly median: number }[]): readonly string[] {
  const step = workers.findIndex(({ median }, index) => index > 0 && median > GROUP_STEP * workers[index - 1].median);
  return workers.slice(0, step < 0 ? undefined : step).map(({ worker }) => worker);
}

function slowWorker(worker: string, ratios: readonly { at: number; ratio: number }[]): readonly SlowWorker[] {
  const ratio = middle(ratios.map((one) => one.ratio));
  const line = Math.max(SLOW, Math.min(ratio, HETEROGENEOUS) * 1.05);
  if (!hasEpisode(ratios, line)) return [];
  const slow = ratios.filter((one) => one.ratio > line);
  const slowShare = slow.length / ratios.length;
  if (slowShare < SUSTAINED) return [];
  return [
    {
      worker,
      ratioWhileSlow: middle(slow.map((one) => one.ratio)),
      ratio,
      slowShare,
      from: slow[0].at,
      until: slow[slow.length - 1].at,
      kind: slowShare > 0.7 ? 'persistent' : 'episodic',
    },
  ];
}

/** Whether the worker is above the line for so many samples running, with at most a tenth of exceptions. */
function hasEpisode(ratios: readonly { ratio: number }[], line: number): boolean {
  let slow = 0;
  for (const [index, { ratio }] of ratios.entries()) {
    if (ratio > line) slow += 1;
    if (index >= EPISODE && ratios[index - EPISODE].ratio > line) slow -= 1;
    if (index >= EPISODE - 1 && slow >= 0.9 * EPISODE) return true;
  }
  return false;
}

function runningMedian(values: readonly number[]): readonly number[] {
  const half = WINDOW >> 1;
  return values.map((_, index) => middle(values.slice(Math.max(index - half, 0), index + half + 1)));
}
