import type { Cells } from '../tile/cells.ts';
import type { AggregateFactory } from './aggregate.ts';
import {
  addLimbs,
  addSquare,
  areSquares,
  carrySquares,
  setSquares,
  squaresToBigInt,
  squaresToNumber,
} from './exact-squares.ts';
import { addSum, carrySum, sumToBigInt, sumToNumber } from './exact-sum.ts';
import { foldsBy } from './fold.ts';
import { EXACT_NUMBERS } from './input-types.ts';
import { nullableOf, numbersOnly, unitOf } from './scalar.ts';
import { isSumAndCount, readSum, SUM_FOLD, SUM_SLOTS, sumColumn, updateSum } from './sum.ts';

/** Population variance: divisor n. */
export const variancePop = spread(0, (variance) => variance);
/** Sample variance: divisor n − 1; null below two events. */
export const varianceSample = spread(1, (variance) => variance);
/** Population standard deviation. */
export const stddevPop = spread(0, Math.sqrt);
/** Sample standard deviation; null below two events. */
export const stddevSample = spread(1, Math.sqrt);

/** Slots behind the sum and its count: the sum of squares. */
const SQUARES = SUM_SLOTS;

/**
 * Spread of an exact input within ±3·10^15: `(n·Σx² − (Σx)²) / (n · (n − ddof) · 10^(2·scale))`, the numerator an exact
 * integer, one division. Undefined where an input was out of range, or the numerator does not fit in 38 digits
 * ({@link MOST_SPREAD}), the widest exact number that every engine has.
 * Columns `sum`, `n` as those of `sum`; `sq` DECIMAL(38,0): `SUM(CAST(v AS DECIMAL(19,0)) * CAST(v AS DECIMAL(19,0)))`,
 * null over nothing and where an input was out of range.
 */
function spread(ddof: 0 | 1, finish: (variance: number) => number): AggregateFactory {
  return {
    inputs: EXACT_NUMBERS,
    params: {},
    make: ({ inputType }) => {
      const unit = unitOf(inputType);
      return {
        ...numbersOnly(SUM_SLOTS + 3),
        ...foldsBy([...SUM_FOLD, 'add', 'add', 'add'], (nums, n) => {
          carrySum(nums, n);
          carrySquares(nums, n + SQUARES);
        }),
        result: nullableOf('float'),
        update: (cells, n, o, value) => {
          if (typeof value !== 'number' && typeof value !== 'bigint') return;
          updateSum(cells, n, o, value);
          addSquare(cells.nums, n + SQUARES, value);
        },
        merge: (into, n, _o, from, fn) => {
          addSum(into.nums, n, from.nums, fn);
          into.nums[n + 2] += from.nums[fn + 2];
          const { nums } = from;
          const at = fn + SQUARES;
          addLimbs(into.nums, n + SQUARES, nums[at], nums[at + 1], nums[at + 2]);
        },
        finalise: (cells, n) => {
          const counted = cells.nums[n + 2];
          if (counted <= ddof) return null;
          const numerator = spreadNumerator(cells, n);
          // Less than nothing is what is left where a row was taken away that was never put in.
          return numerator === null || numerator < 0
            ? undefined
            : finish(numerator / (counted * (counted - ddof) * unit * unit));
        },
        columns: [
          { suffix: 'sum', type: 'DECIMAL' },
          { suffix: 'n', type: 'BIGINT' },
          { suffix: 'sq', type: 'DECIMAL' },
        ],
        toColumns: (cells, n) => [
          sumColumn(cells, n),
          BigInt(cells.nums[n + 2]),
          cells.nums[n + 2] === 0 ? null : squaresToBigInt(cells.nums, n + SQUARES),
        ],
        fromColumns: (cells, n, _o, [total, counted, squares]) => {
          readSum(cells, n, total, counted);
          const outOfRange = squares === null && Number(counted) > 0;
          setSquares(cells.nums, n + SQUARES, outOfRange ? null : BigInt(squares ?? 0));
        },
        isSound: (nums, n) => isSumAndCount(nums, n) && areSquares(nums, n + SQUARES),
      };
    },
  };
}

/** `n·Σx²`, as a product of doubles, has an exact spread below here: both parts of the numerator fit in 38 digits. */
export const MOST_SPREAD = 9e37;

/** The largest sum whose square fits in 38 digits. Only a source of changes, whose deletions subtract rows, can exceed it. */
export const MOST_SPREAD_TOTAL = 9_400_000_000_000_000_000n;

/** The square of a whole number up to here is a safe integer. */
const LARGEST_SAFE_ROOT = 94_906_265;

/** n·Σx² − (Σx)², exact before it is rounded to a double; null where an input was out of range, or it has too many digits. */
function spreadNumerator(cells: Cells, n: number): number | null {
  const counted = cells.nums[n + 2];
  const first = counted * squaresToNumber(cells.nums, n + SQUARES);
  const total = sumToNumber(cells.nums, n);
  if (first <= Number.MAX_SAFE_INTEGER && Math.abs(total) <= LARGEST_SAFE_ROOT) return first - total * total;
  const squares = squaresToBigInt(cells.nums, n + SQUARES);
  if (squares === null || counted * Number(squares) >= MOST_SPREAD) return null;
  const exact = sumToBigInt(cells.nums, n);
  if (exact > MOST_SPREAD_TOTAL || exact < -MOST_SPREAD_TOTAL) return null;
  return Number(BigInt(counted) * squares - exact * exact);
}
