import { fail } from '../../../base/errors/fail.ts';
import type { LossCount } from './spot-trace.ts';

/** Instances from an instant on. Seconds from the first line. */
export interface CountAt {
  readonly atS: number;
  readonly count: number;
}

/** More ticks than this are no record of spot instances. */
const MOST_TICKS = 5_000_000;
const MOST_INSTANCES = 65_535;

/**
 * Counts on an even grid. A tick has the least count between its start and its end: an instance that goes in a tick cannot be
 * used in it. Instants must not go backwards. Errors: COST_TRACE.
 */
export function countsOnGrid(path: string, instants: readonly CountAt[], gapS: number): Uint16Array {
  const last = instants.at(-1);
  if (last === undefined) throw fail('COST_TRACE', { path, reason: 'it holds no line with a time' });
  const length = Math.floor(last.atS / gapS) + 1;
  if (length > MOST_TICKS) throw fail('COST_TRACE', { path, reason: `${length} ticks are more than ${MOST_TICKS}` });
  const counts = new Uint16Array(length);
  let next = 0;
  let current = 0;
  for (let tick = 0; tick < length; tick += 1) {
    const end = (tick + 1) * gapS;
    let least = Number.POSITIVE_INFINITY;
    // Lines of one instant are one change.
    while (next < instants.length && (instants[next]?.atS ?? end) < end) {
      const { atS, count } = instants[next] ?? last;
      if (atS > tick * gapS) least = Math.min(least, current);
      current = checkedCount(path, count);
      next += 1;
    }
    counts[tick] = Math.min(least, current);
  }
  return counts;
}

/** A count that a trace can hold. Errors: COST_TRACE. */
export function checkedCount(path: string, count: number): number {
  if (!Number.isInteger(count) || count < 0 || count > MOST_INSTANCES)
    throw fail('COST_TRACE', { path, reason: `${count} is no number of instances` });
  return count;
}

/** The losses of a series of counts, in the order given; time that goes backwards counts against the instance-hours. */
export function lossesOf(instants: readonly CountAt[]): LossCount {
  let [lost, added, instanceS, mostAlive, mostLostAtOnce] = [0, 0, 0, 0, 0];
  let leastAlive = Number.POSITIVE_INFINITY;
  instants.forEach(({ atS, count }, index) => {
    const before = instants[index - 1];
    mostAlive = Math.max(mostAlive, count);
    leastAlive = Math.min(leastAlive, count);
    if (before === undefined) return;
    instanceS += before.count * (atS - before.atS);
    lost += Math.max(before.count - count, 0);
    added += Math.max(count - before.count, 0);
    mostLostAtOnce = Math.max(mostLostAtOnce, before.count - count);
  });
  const instanceHours = instanceS / 3600;
  return {
    lost,
    added,
    instanceHours,
    lostPerInstanceHour: instanceHours > 0 ? lost / instanceHours : 0,
    mostAlive,
    leastAlive: leastAlive === Number.POSITIVE_INFINITY ? 0 : leastAlive,
    mostLostAtOnce,
    lastEventS: instants.at(-1)?.atS ?? 0,
  };
}
