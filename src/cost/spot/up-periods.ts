import { medianOf } from '../../base/median.ts';
/** A time during which the whole gang was up. Ticks. */
export interface UpPeriod {
  readonly from: number;
  readonly ticks: number;
  /** The trace ended before the period did. */
  readonly censored: boolean;
}

/** The times during which at least `nodes` instances were there. */
export function upPeriods(counts: Uint16Array, nodes: number): readonly UpPeriod[] {
  const periods: UpPeriod[] = [];
  let from = -1;
  for (let tick = 0; tick <= counts.length; tick += 1) {
    const up = tick < counts.length && (counts[tick] ?? 0) >= nodes;
    if (up && from < 0) from = tick;
    if (!up && from >= 0) {
      periods.push({ from, ticks: tick - from, censored: tick === counts.length });
      from = -1;
    }
  }
  return periods;
}

/** For each tick the tick at which its up period ends; the tick itself where the gang is down. */
export function upUntil(counts: Uint16Array, nodes: number): Uint32Array {
  const until = new Uint32Array(counts.length);
  for (let tick = counts.length - 1; tick >= 0; tick -= 1)
    until[tick] =
      (counts[tick] ?? 0) < nodes
        ? tick
        : tick + 1 < counts.length
          ? Math.max(until[tick + 1] ?? 0, tick + 1)
          : tick + 1;
  return until;
}

/** A trace from the view of a gang. Hours and shares; null where there is no such period. */
export interface TraceStatistics {
  readonly gapS: number;
  readonly ticks: number;
  readonly days: number;
  readonly nodes: number;
  readonly upShare: number;
  readonly upPeriods: number;
  readonly meanUpH: number | null;
  readonly medianUpH: number | null;
  readonly meanDownH: number | null;
  readonly longestDownH: number;
  /** Share of ticks with no instance, or with all. */
  readonly allOrNoneShare: number;
  readonly meanCount: number;
  /** Mean time between losses of the gang: all up time by the losses, so that a period that the trace cuts off counts as time. */
  readonly mtbfS: number | null;
  /** There was no loss: the mean time is at least the up time. */
  readonly mtbfIsLowerBound: boolean;
  readonly losses: number;
}

/** Statistics of up and down periods. The first and the last period are counted as they are. */
export function traceStatistics(counts: Uint16Array, gapS: number, nodes: number): TraceStatistics {
  const up = upPeriods(counts, nodes);
  const hours = (ticks: number) => (ticks * gapS) / 3600;
  const upTicks = up.reduce((sum, { ticks }) => sum + ticks, 0);
  const down = downPeriods(up, counts.length);
  const losses = up.filter(({ censored }) => !censored).length;
  const sorted = up.map(({ ticks }) => ticks).toSorted((a, b) => a - b);
  let [extreme, total] = [0, 0];
  for (const count of counts) {
    if (count === 0 || count >= nodes) extreme += 1;
    total += count;
  }
  return {
    gapS,
    ticks: counts.length,
    days: hours(counts.length) / 24,
    nodes,
    upShare: upTicks / counts.length,
    upPeriods: up.length,
    meanUpH: up.length === 0 ? null : hours(upTicks / up.length),
    medianUpH: up.length === 0 ? null : hours(medianOf(sorted)),
    meanDownH: down.length === 0 ? null : hours((counts.length - upTicks) / down.length),
    longestDownH: hours(down.reduce((most, one) => Math.max(most, one), 0)),
    allOrNoneShare: extreme / counts.length,
    meanCount: total / counts.length,
    mtbfS: upTicks === 0 ? null : (upTicks * gapS) / Math.max(losses, 1),
    mtbfIsLowerBound: losses === 0,
    losses,
  };
}

function downPeriods(up: readonly UpPeriod[], length: number): readonly number[] {
  const ends = [0, ...up.map(({ from, ticks }) => from + ticks)];
  const starts = [...up.map(({ from }) => from), length];
  return starts.map((start, index) => start - (ends[index] ?? 0)).filter((ticks) => ticks > 0);
}
