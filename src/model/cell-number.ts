import type { ColumnSpec, Value } from '../schema/column.ts';
import { scaledToText } from '../schema/decimal.ts';
import { EXACT_END, isFloatType, isWideType, type NumberType, WHOLE_RANGES } from './number-type.ts';

/*
 * The one rule by which a cell becomes a number of a model's tensor, for every way in: requests, events, spines, training, files of
 * jobs (`cell-sql.ts` says it in SQL, `backends/spark` in Java and in Python), streams and audits.
 *
 * | tensor     | number                                                                          | refused                                |
 * |------------|---------------------------------------------------------------------------------|----------------------------------------|
 * | FP64       | the double nearest to the cell: 12.09 of a decimal, 2^53 of the int64 2^53 + 1  | nothing                                |
 * | FP32       | the float32 nearest to that double                                              | a number that becomes infinite by it   |
 * | whole, BOOL | the cell itself, exactly                                                       | a fraction, a number beyond the type   |
 *
 * True is 1, a time its epoch milliseconds, a text the number that it says. A missing cell is NaN in a float tensor; in any other it is
 * refused. That the double comes first is what numpy, pandas and Spark do with a column of doubles, which training sets have.
 */

/** A refused cell, thrown by the functions of this file: what it holds, null where it is missing. */
export class UnfitCell extends Error {
  readonly cell: string | null;

  constructor(cell: string | null) {
    super(cell ?? 'missing');
    this.cell = cell;
  }
}

/** Chooses how a cell of a column becomes a number of a float tensor. Throws {@link UnfitCell}. Hot path: chosen once per column. */
function floatOf(spec: ColumnSpec, type: 'FP32' | 'FP64'): (value: Value) => number {
  const double = doubleOf(spec);
  if (type === 'FP64') return double;
  return (value) => {
    const number = double(value);
    const single = Math.fround(number);
    if (Math.abs(single) === Number.POSITIVE_INFINITY && Number.isFinite(number)) throw new UnfitCell(String(number));
    return single;
  };
}

/** Chooses how a cell of a column becomes a number of a whole tensor. Throws {@link UnfitCell}. Hot path: chosen once per column. */
function wholeOf(spec: ColumnSpec, type: Exclude<NumberType, 'FP32' | 'FP64'>): (value: Value) => bigint {
  const [least, greatest] = WHOLE_RANGES[type];
  const exact = exactWhole(spec);
  return (value) => {
    const whole = exact(value);
    if (whole === null || whole < least || whole > greatest) throw new UnfitCell(shownCell(value, spec));
    return whole;
  };
}

/** Chooses how a cell becomes an element of an array of the type. Throws {@link UnfitCell}. Hot path: chosen once per column. */
export function elementOf(spec: ColumnSpec, type: NumberType): (value: Value) => number | bigint {
  if (isFloatType(type)) return floatOf(spec, type);
  const whole = wholeOf(spec, type);
  return isWideType(type) ? whole : (value) => Number(whole(value));
}

/** Chooses how the value of a feature becomes its number in a tensor. Throws {@link UnfitCell}. Hot path: chosen once per column. */
export function inputNumber(
  { type: spec, element }: NumberedCell,
  type: NumberType,
): (value: Value) => number | bigint {
  if (element === null) return elementOf(spec, type);
  const number = elementOf(ELEMENT, type);
  return (value) => number(Array.isArray(value) ? (value[element] ?? null) : null);
}

/** A number of a feature: of an embedding the place of its element, otherwise null. */
interface NumberedCell {
  readonly type: ColumnSpec;
  readonly element: number | null;
}

/** The elements of embeddings are doubles. */
const ELEMENT: ColumnSpec = { type: 'float', nullable: true };

/** The double nearest to `scaled · 10^-scale`. Both are doubles up to 2^53, and then their quotient is rounded once. */
export function decimalDouble(scaled: bigint, scale: number): number {
  const number = Number(scaled);
  return Math.abs(number) < EXACT_END ? number / 10 ** scale : Number(scaledToText(scaled, scale));
}

/** Chooses how a cell becomes the double nearest to it; NaN where it is missing. */
export function doubleOf(spec: ColumnSpec): (value: Value) => number {
  if (spec.type === 'decimal') {
    const { scale = 0 } = spec;
    return (value) => (value === null ? Number.NaN : decimalDouble(scaledOf(value), scale));
  }
  return (value) => (value === null ? Number.NaN : Number(value));
}

/** The whole number that a cell is; null: it is another number, or missing. */
function exactWhole(spec: ColumnSpec): (value: Value) => bigint | null {
  if (spec.type === 'decimal') {
    const unit = 10n ** BigInt(spec.scale ?? 0);
    return (value) => {
      const scaled = value === null ? null : scaledOf(value);
      return scaled !== null && scaled % unit === 0n ? scaled / unit : null;
    };
  }
  return (value) => {
    if (typeof value === 'bigint') return value;
    if (typeof value === 'boolean') return value ? 1n : 0n;
    return typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : null;
  };
}

function scaledOf(value: NonNullable<Value>): bigint {
  return typeof value === 'bigint' ? value : BigInt(Number(value));
}

function shownCell(value: Value, { type, scale = 0 }: ColumnSpec): string | null {
  if (value === null) return null;
  return type === 'decimal' ? scaledToText(scaledOf(value), scale) : String(value);
}
