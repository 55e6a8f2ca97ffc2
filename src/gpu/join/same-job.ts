import { medianOf } from '../analysis/statistics.ts';
import type { TraceFacts } from '../analysis/trace-facts.ts';
import type { Trace } from '../trace/trace.ts';
import { alignment, worldCollectives } from './ranks.ts';

/** Clocks of the machines of a job differ by less. */
const CLOCKS_WITHIN_US = 2e6;
/** Collectives end on all ranks at once: their ends differ by less than this share of a step. */
const TOGETHER_WITHIN = 0.15;
/** Two ranks have at least this share of the collectives of all ranks in common: one may be cut at the edges of a step. */
const SAME_COLLECTIVES = 0.75;

/**
 * How far two traces are from being ranks of one job: the distance of the ends of their collectives after the clocks are
 * aligned, as a share of a step. Infinite if they cannot be, and undefined if nothing in them tells.
 */
export function ranksApart(a: TraceFacts, b: TraceFacts): number | undefined {
  if (!mayShareJob(a, b) || !haveSameCollectives(a, b)) return Infinity;
  const ends = alignment([a, b]);
  if (ends === undefined) return undefined;
  const apart = ends.residualUs / medianOf([a.stepUs, b.stepUs]);
  return apart <= TOGETHER_WITHIN ? apart : Infinity;
}

function mayShareJob(a: TraceFacts, b: TraceFacts): boolean {
  const [one, other] = [a.trace, b.trace];
  if (one.rank === undefined || other.rank === undefined || one.rank === other.rank) return false;
  if (one.worldSize !== other.worldSize || one.source !== other.source || one.backend !== other.backend) return false;
  if ((one.baseTimeUs === undefined) !== (other.baseTimeUs === undefined)) return false;
  if (!agreeOnGroups(one, other, one.rank, other.rank)) return false;
  const [from, until] = spanOf(a);
  const [otherFrom, otherUntil] = spanOf(b);
  if (from > otherUntil + CLOCKS_WITHIN_US || otherFrom > until + CLOCKS_WITHIN_US) return false;
  const names = new Set(a.windows.map(({ name }) => name));
  return b.windows.some(({ name }) => names.has(name));
}

/** A process group that both ranks are in has the same ranks in both traces. Groups without a rank in common may share a name. */
function agreeOnGroups(one: Trace, other: Trace, rank: number, otherRank: number): boolean {
  return [...one.groups].every(([name, ranks]) => {
    const others = other.groups.get(name);
    if (others === undefined || !(ranks.has(otherRank) || others.has(rank))) return true;
    return ranks.symmetricDifference(others).size === 0;
  });
}

/** Whether the collectives that every rank takes part in are the same, by name, type and size. */
function haveSameCollectives(a: TraceFacts, b: TraceFacts): boolean {
  const [own, other] = worldCollectives([a, b]);
  const total = (counts: ReadonlyMap<string, number>) => [...counts.values()].reduce((sum, count) => sum + count, 0);
  const common = [...own].reduce((sum, [key, count]) => sum + Math.min(count, other.get(key) ?? 0), 0);
  return common >= SAME_COLLECTIVES * Math.max(total(own), total(other));
}

function spanOf({ windows, trace }: TraceFacts): readonly [number, number] {
  const base = trace.baseTimeUs ?? 0;
  return [windows[0].start + base, windows[windows.length - 1].end + base];
}
