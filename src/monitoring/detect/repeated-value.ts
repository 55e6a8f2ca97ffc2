import type { ColumnSide } from './column-side.ts';
import type { Distribution } from './distribution.ts';

/** A number that came far more often than any number did before: a sensor that stands still, a code for a missing value, zeros. */
export interface RepeatedValue {
  readonly value: number;
  readonly rows: number;
  readonly share: number;
  readonly wasShare: number;
  /** Whether it lies outside of all values of the reference. */
  readonly isOutside: boolean;
}

/** Rows that repeat one value, at least: one outside of the reference, and any other. */
const LEAST_OUTSIDE = 5;
const LEAST_ROWS = 10;
/** The share of a value that no row of the reference comes near, of one among continuous values, and of any other. */
const OUTSIDE_SHARE = 0.01;
const CONTINUOUS_SHARE = 0.02;
const ANY_SHARE = 0.25;
/** No value of continuous ones has this share. */
const CONTINUOUS = 0.002;
/** A value must rise by this factor over its own share, and over the largest one of the reference. */
const RISE = 5;
/** Zeros stand for lacking values: of rounded ones fewer suffice, where there were none, and if no value ever came nearly as often. */
const ZERO_SHARE = 0.1;
const ZERO_RISE = 2;
const NO_ZEROS = 0.002;
/** Another value that repeats nearly as often says that values are rounded, not stuck. */
const ALONE = 3;
/** Values and rows of a reference that knows what is usual. */
const KNOWN_VALUES = 20;
const KNOWN_ROWS = 300;

/** Finds the value: the lowest or the highest one, zero, or the most frequent one; null: none repeats. */
export function repeatedValue(reference: ColumnSide, current: ColumnSide): RepeatedValue | null {
  const [a, b] = [reference.distribution, current.distribution];
  if (a === null || b === null || b.n === 0 || a.n < KNOWN_ROWS || reference.distinct < KNOWN_VALUES) return null;
  const tops = { was: largest(a), is: largest(b) };
  const looked = new Set([b.values[0], b.values[b.values.length - 1], 0, tops.is[0].value]);
  const found = [...looked].flatMap((value) => {
    const rows = countOf(b, value);
    const isOutside = value < (reference.least ?? value) || value > (reference.greatest ?? value);
    const one = { value, rows, share: rows / b.n, wasShare: countOf(a, value) / a.n, isOutside };
    return isFault(one, a, b, tops) ? [one] : [];
  });
  return found.sort((x, y) => y.rows - x.rows)[0] ?? null;
}

function isFault(
  { value, rows, share, wasShare, isOutside }: RepeatedValue,
  a: Distribution,
  b: Distribution,
  tops: { readonly was: readonly Counted[]; readonly is: readonly Counted[] },
): boolean {
  // A sketch may count neighbours as this value.
  const sure = share - b.rankError;
  // Neighbours out there are as odd: half of the error is left.
  if (isOutside) return rows >= LEAST_OUTSIDE && share - b.rankError / 2 >= OUTSIDE_SHARE;
  const [top, next] = tops.is;
  const other = top.value === value ? (next?.count ?? 0) : top.count;
  const usual = tops.was[0].count / a.n + a.rankError;
  if (rows < LEAST_ROWS || other * ALONE > rows) return false;
  if (value === 0 && wasShare < NO_ZEROS && sure >= Math.max(ZERO_SHARE, ZERO_RISE * usual)) return true;
  const least = isContinuous(a, tops.was[0]) ? CONTINUOUS_SHARE : ANY_SHARE;
  return sure >= Math.max(least, RISE * usual, RISE * wasShare);
}

function isContinuous({ n, rankError }: Distribution, { count }: Counted): boolean {
  return count / n <= Math.max(CONTINUOUS, 2 / n, rankError);
}

interface Counted {
  readonly value: number;
  readonly count: number;
}

/** The two most frequent values. Hot path. */
function largest({ values, upTo }: Distribution): readonly Counted[] {
  let [first, second, firstCount, secondCount, before] = [-1, -1, 0, 0, 0];
  for (let i = 0; i < values.length; i += 1) {
    const count = upTo[i] - before;
    before = upTo[i];
    if (count > firstCount) {
      second = first;
      secondCount = firstCount;
      first = i;
      firstCount = count;
    } else if (count > secondCount) {
      second = i;
      secondCount = count;
    }
  }
  const counted = [first, second].map((at, i) => ({ value: values[at], count: i === 0 ? firstCount : secondCount }));
  return counted.filter(({ count }) => count > 0);
}

function countOf({ values, upTo }: Distribution, value: number): number {
  const at = values.indexOf(value);
  return at === -1 ? 0 : upTo[at] - (upTo[at - 1] ?? 0);
}
