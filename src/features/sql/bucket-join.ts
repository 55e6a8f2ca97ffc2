import { ASKED, TS } from '../plan/names.ts';
import type { PointWindow } from '../plan/points.ts';
import type { Compiler } from './compile.ts';
import { bigint, floorSql } from './text.ts';

/** Two relations and the conditions, in addition to equal keys, under which each point p meets the events e of its windows. */
export interface BucketJoin {
  readonly left: string;
  readonly right: string;
  readonly on: readonly string[];
}

/**
 * Prepares a range join as one of equality: time is cut into buckets of the longest window, so a point's events are in the
 * bucket of q or the previous one. An unbounded window needs all events of the key. The caller adds the upper bound.
 */
export function bucketJoin(
  points: string,
  events: string,
  windows: readonly PointWindow[],
  compiler: Compiler,
): BucketJoin {
  const lengths = windows.map(({ windowMs, hopMs }) => (windowMs === null ? null : windowMs + hopMs));
  const longest = lengths.reduce<number | null>((a, b) => (a === null || b === null ? null : Math.max(a, b)), 0);
  const lowest = windows.map(({ from }) => `e.${TS} >= p.${from}`);
  const on = [`(${lowest.join(' OR ')})`];
  if (longest === null || longest === 0) return { left: points, right: events, on: longest === 0 ? on : [] };
  return bucketed(points, events, longest, on, compiler);
}

/** Cuts time into buckets of `lengthMs`, which no event that a point needs is further back from q than. */
export function bucketed(
  points: string,
  events: string,
  lengthMs: number,
  on: readonly string[],
  compiler: Compiler,
): BucketJoin {
  const bucket = floorSql(ASKED, lengthMs);
  const both = `SELECT p.*, ${bucket} AS bucket FROM ${points} AS p
UNION ALL
SELECT p.*, ${bucket} - ${bigint(lengthMs)} AS bucket FROM ${points} AS p`;
  return {
    left: compiler.add('bucketed_points', both),
    right: compiler.add('bucketed_events', `SELECT e.*, ${floorSql(TS, lengthMs)} AS bucket FROM ${events} AS e`),
    on: ['p.bucket = e.bucket', ...on],
  };
}
