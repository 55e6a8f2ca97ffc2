import { compareText } from '../../base/text-order.ts';
import { medianOf } from '../analysis/statistics.ts';
import type { TraceFacts } from '../analysis/trace-facts.ts';
import { alignment, joinRanks, type RankJoin } from './ranks.ts';

/** The traces of one job: its ranks in order, or one file alone. The GPUs of a file stay together, the busiest first. */
export interface TracedJob {
  readonly files: readonly (readonly TraceFacts[])[];
  /** The ranks joined at their collectives; undefined for one file, or without collectives in common. */
  readonly join: RankJoin | undefined;
}

/** Clocks of the machines of a job differ by less. */
const CLOCKS_WITHIN_US = 2e6;
/** Collectives end on all ranks at once: their ends differ by less than this share of a step. */
const TOGETHER_WITHIN = 0.15;

/**
 * Joins the ranks of a job: recordings of one job size and of different ranks that overlap in time, whose steps have the
 * same names and whose collectives end together. Every other recording is a separate job. The order of files has no
 * effect.
 */
export function tracedJobs(files: readonly (readonly TraceFacts[])[]): readonly TracedJob[] {
  const jobs: (readonly TraceFacts[])[][] = [];
  for (const file of files.filter(({ length }) => length > 0).toSorted(byRank)) {
    const fits = jobs
      .map((job) => ({ job, apart: apartFrom(job, file[0]) }))
      .filter(({ apart }) => apart <= TOGETHER_WITHIN)
      .sort((a, b) => a.apart - b.apart);
    if (fits.length > 0) fits[0].job.push(file);
    else jobs.push([file]);
  }
  return jobs.map((job) => ({ files: job, join: joinRanks(job.map(([main]) => main)) }));
}

function byRank([a]: readonly TraceFacts[], [b]: readonly TraceFacts[]): number {
  return (a.trace.rank ?? -1) - (b.trace.rank ?? -1) || compareText(a.file, b.file);
}

/** How far a trace is from being another rank of a job, as a share of a step; infinite if it cannot be one. */
function apartFrom(job: readonly (readonly TraceFacts[])[], one: TraceFacts): number {
  return job.reduce((most, [other]) => Math.max(most, mayShareJob(other, one) ? stepsApart(other, one) : Infinity), 0);
}

function mayShareJob(a: TraceFacts, b: TraceFacts): boolean {
  const [one, other] = [a.trace, b.trace];
  if (one.rank === undefined || other.rank === undefined || one.rank === other.rank) return false;
  if (one.worldSize !== other.worldSize || one.source !== other.source) return false;
  if ((one.baseTimeUs === undefined) !== (other.baseTimeUs === undefined)) return false;
  const [from, until] = spanOf(a);
  const [otherFrom, otherUntil] = spanOf(b);
  if (from > otherUntil + CLOCKS_WITHIN_US || otherFrom > until + CLOCKS_WITHIN_US) return false;
  const names = new Set(a.windows.map(({ name }) => name));
  return b.windows.some(({ name }) => names.has(name));
}

function spanOf({ windows, trace }: TraceFacts): readonly [number, number] {
  const base = trace.baseTimeUs ?? 0;
  return [windows[0].start + base, windows[windows.length - 1].end + base];
}

/** How far the ends of collectives are apart after the clocks are aligned; without collectives, the steps' lengths. */
function stepsApart(a: TraceFacts, b: TraceFacts): number {
  const step = medianOf([a.stepUs, b.stepUs]);
  const ends = alignment([a, b]);
  return (ends === undefined ? Math.abs(a.stepUs - b.stepUs) : ends.residualUs) / step;
}
