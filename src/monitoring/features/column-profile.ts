import { estimateOf, forEachRegister, type Registers, raise } from '../../features/aggregate/registers.ts';

/**
 * The values of a column over a span: counts, extremes and a sketch, each of which is added to that of another
 * span or another process. The bins of its distribution, for drift, belong here as well.
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

/** The profile of two spans together. */
export function mergeProfiles(a: ColumnProfile, b: ColumnProfile): ColumnProfile {
  return {
    rows: a.rows + b.rows,
    missing: a.missing + b.missing,
    nulls: a.nulls + b.nulls,
    zeros: a.zeros + b.zeros,
    outOfRange: a.outOfRange + b.outOfRange,
    least: either(a.least, b.least, Math.min),
    greatest: either(a.greatest, b.greatest, Math.max),
    sum: either(a.sum, b.sum, (x, y) => x + y),
    registers: mergeRegisters(a.registers, b.registers),
  };
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

function either(a: number | null, b: number | null, merge: (a: number, b: number) => number): number | null {
  return a === null ? b : b === null ? a : merge(a, b);
}

function mergeRegisters(a: readonly number[], b: readonly number[]): readonly number[] {
  let merged: Registers | null = null;
  for (const packed of [...a, ...b]) merged = raise(merged, packed >> 6, packed & 63);
  const list: number[] = [];
  forEachRegister(merged, (bucket, rho) => list.push(bucket * 64 + rho));
  return list;
}
