import type { AggregateSpec } from '../define/declaration.ts';
import type { Cells } from '../tile/cells.ts';
import type { Aggregate } from './aggregate.ts';
import { addSquare, addSquares, setSquares, squaresToBigInt } from './exact-squares.ts';
import { addSum, sumToBigInt } from './exact-sum.ts';
import { nullableOf, numbersOnly, unitOf } from './scalar.ts';
import { readSum, SUM_SLOTS, sumColumn, updateSum } from './sum.ts';

/** Population variance: divisor n. */
export const variancePop = (spec: AggregateSpec): Aggregate => spread(spec, 0, (variance) => variance);
/** Sample variance: divisor n − 1; null below two events. */
export const varianceSample = (spec: AggregateSpec): Aggregate => spread(spec, 1, (variance) => variance);
/** Population standard deviation. */
export const stddevPop = (spec: AggregateSpec): Aggregate => spread(spec, 0, Math.sqrt);
/** Sample standard deviation; null below two events. */
export const stddevSample = (spec: AggregateSpec): Aggregate => spread(spec, 1, Math.sqrt);

/**
 * Spread of an int or decimal input within ±3·10^15, from exact sums: `(n·Σx² − (Σx)²) / (n · (n − ddof) · 10^(2·scale))`,
 * the numerator an exact integer, one division. Undefined where an input was out of range.
 * Columns `sum`, `n` as those of `sum`; `sq` DECIMAL(38,0): `SUM(CAST(v AS DECIMAL(19,0)) * CAST(v AS DECIMAL(19,0)))`.
 */
function spread(spec: AggregateSpec, ddof: 0 | 1, finish: (variance: number) => number): Aggregate {
  const unit = unitOf(spec.inputType);
  return {
    ...numbersOnly(SUM_SLOTS + 3),
    result: nullableOf('float'),
    update: (cells, n, o, value) => {
      if (typeof value !== 'number' && typeof value !== 'bigint') return;
      updateSum(cells, n, o, value);
      addSquare(cells.nums, n + SUM_SLOTS, value);
    },
    merge: (into, n, _o, from, fn) => {
      addSum(into.nums, n, from.nums, fn);
      into.nums[n + 2] += from.nums[fn + 2];
      addSquares(into.nums, n + SUM_SLOTS, from.nums, fn + SUM_SLOTS);
    },
    finalise: (cells, n) => {
      const counted = cells.nums[n + 2];
      if (counted <= ddof) return null;
      const numerator = spreadNumerator(cells, n);
      return numerator === null ? undefined : finish(numerator / (counted * (counted - ddof) * unit * unit));
    },
    columns: [
      { suffix: 'sum', type: 'BIGINT' },
      { suffix: 'n', type: 'BIGINT' },
      { suffix: 'sq', type: 'DECIMAL' },
    ],
    toColumns: (cells, n) => [
      sumColumn(cells, n),
      BigInt(cells.nums[n + 2]),
      cells.nums[n + 2] === 0 ? null : squaresToBigInt(cells.nums, n + SUM_SLOTS),
    ],
    fromColumns: (cells, n, _o, [total, counted, squares]) => {
      readSum(cells, n, total, counted);
      const outOfRange = squares === null && Number(counted) > 0;
      setSquares(cells.nums, n + SUM_SLOTS, outOfRange ? null : BigInt(squares ?? 0));
    },
  };
}

function spreadNumerator(cells: Cells, n: number): number | null {
  const squares = squaresToBigInt(cells.nums, n + SUM_SLOTS);
  if (squares === null) return null;
  const total = sumToBigInt(cells.nums, n);
  return Number(BigInt(cells.nums[n + 2]) * squares - total * total);
}
