import { estimateOf } from '../../features/aggregate/registers.ts';

/**
 * The values of a column over a span: counts, extremes and a sketch. The bins of its distribution, for drift, belong here as well.
 */
export interface ColumnProfile {
  /** Rows looked at. */
  readonly rows: number;
  /** Features without an answer; columns of events have none. */
  readonly missing: number;
  readonly nulls: number;
  /** Numbers that are 0, texts that are empty. */
  readonly zeros: number;
  /** Values outside the declared range. */
  readonly outOfRange: number;
  /** Of numbers; null where there is none. */
  readonly least: number | null;
  readonly greatest: number | null;
  readonly sum: number | null;
  /** HyperLogLog registers above zero, `bucket · 64 + rho`, ascending. */
  readonly registers: readonly number[];
}

/** How many different values there are, give or take 1.6 %. */
export function distinctOf({ registers }: ColumnProfile): number {
  return Math.round(estimateOf([...registers]));
}

/** The mean of the numbers; null where there is none. */
export function meanOf({ rows, nulls, missing, sum }: ColumnProfile): number | null {
  const numbers = rows - nulls - missing;
  return sum === null || numbers === 0 ? null : sum / numbers;
}
