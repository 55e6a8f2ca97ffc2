import { EXACT_END, isFloatType, type NumberType } from './number-type.ts';

/*
 * The rule of `cell-number.ts` in SQL. An engine's own cast of a decimal to a float is not it: DuckDB adds a whole part and a fraction that
 * it rounded apart.
 */

/** Powers of ten up to this one are doubles. */
const MOST_SCALE = 22;

/** SQL, of DuckDB and Spark alike, of the double nearest to `value · 10^-scale` of a BIGINT. */
export function scaledDoubleSql(value: string, scale: number): string {
  if (scale === 0) return `CAST(${value} AS DOUBLE)`;
  const quotient = `CAST(${value} AS DOUBLE) / CAST(1e${scale} AS DOUBLE)`;
  return `CASE WHEN ${value} BETWEEN -${EXACT_END} AND ${EXACT_END} THEN ${quotient} ELSE CAST(${value} || 'e-${scale}' AS DOUBLE) END`;
}

/** A column of DuckDB as far as its cells are numbers. */
export type NumberColumn =
  | { readonly kind: 'exact' | 'wide' | 'huge' | 'FLOAT' | 'DOUBLE' | 'text' }
  | { readonly kind: 'decimal'; readonly width: number; readonly scale: number };

const KINDS: readonly (readonly [RegExp, Exclude<NumberColumn['kind'], 'decimal'>])[] = [
  // Doubles hold each of their values.
  [/^(BOOLEAN|U?(TINYINT|SMALLINT|INTEGER))$/, 'exact'],
  [/^U?BIGINT$/, 'wide'],
  [/^U?HUGEINT$/, 'huge'],
  [/^FLOAT$/, 'FLOAT'],
  [/^DOUBLE$/, 'DOUBLE'],
  [/^VARCHAR$/, 'text'],
];

/** A column of a type in DuckDB's words; null: no model reads its cells. */
export function numberColumn(type: string): NumberColumn | null {
  const [, width, scale] = /^DECIMAL\((\d+),(\d+)\)$/.exec(type) ?? [];
  if (width !== undefined) return { kind: 'decimal', width: Number(width), scale: Number(scale) };
  const kind = KINDS.find(([pattern]) => pattern.test(type))?.[1];
  return kind === undefined ? null : { kind };
}

/** The type of the elements of a list or an array in DuckDB's words, `FLOAT[3]`; empty for any other type. */
export function elementType(type: string): string {
  return type.endsWith(']') ? type.slice(0, type.lastIndexOf('[')) : '';
}

/** The columns of DuckDB that hold the elements of tensors. */
export const DUCK_TYPES: Readonly<Record<NumberType, string>> = {
  BOOL: 'UTINYINT',
  UINT8: 'UTINYINT',
  UINT16: 'USMALLINT',
  UINT32: 'UINTEGER',
  UINT64: 'UBIGINT',
  INT8: 'TINYINT',
  INT16: 'SMALLINT',
  INT32: 'INTEGER',
  INT64: 'BIGINT',
  FP32: 'FLOAT',
  FP64: 'DOUBLE',
};

/**
 * SQL of DuckDB of the number of a cell in a tensor; null where it is missing, and where it does not fit: see {@link isUnfitSql}. It has
 * no error.
 */
export function cellNumberSql(cell: string, column: NumberColumn, type: NumberType): string {
  if (type === 'FP64') return doubleSql(cell, column);
  if (type === 'FP32') return isExactFloat(column) ? quickNumberSql(cell, column, type) : floatSql(cell, column);
  return wholeSql(cell, column, type);
}

/** As {@link cellNumberSql} of a float type, in fewer steps: a number beyond the type is a Conversion Error. Not for texts. */
export function quickNumberSql(cell: string, column: NumberColumn, type: 'FP32' | 'FP64'): string {
  if (type === 'FP64') return doubleSql(cell, column);
  return `CAST(${isExactFloat(column) || column.kind === 'DOUBLE' ? cell : doubleSql(cell, column)} AS FLOAT)`;
}

/** SQL of whether a cell does not fit, by its number as {@link cellNumberSql} has it. */
export function isUnfitSql(cell: string, number: string, type: NumberType): string {
  return isFloatType(type) ? `(${cell} IS NOT NULL AND ${number} IS NULL)` : `(${number} IS NULL)`;
}

/** Whether a float32 is made of a cell in one rounding. */
function isExactFloat({ kind }: NumberColumn): boolean {
  return kind === 'exact' || kind === 'FLOAT';
}

function floatSql(cell: string, column: NumberColumn): string {
  return `TRY_CAST(${doubleSql(cell, column)} AS FLOAT)`;
}

function doubleSql(cell: string, column: NumberColumn): string {
  const cast = `CAST(${cell} AS DOUBLE)`;
  // A text is read to the nearest double.
  const read = `CAST(CAST(${cell} AS VARCHAR) AS DOUBLE)`;
  switch (column.kind) {
    case 'exact':
    case 'wide':
    case 'FLOAT':
    case 'DOUBLE':
      return cast;
    case 'huge':
      return `CASE WHEN ${cell} BETWEEN -${EXACT_END} AND ${EXACT_END} THEN ${cast} ELSE ${read} END`;
    case 'decimal':
      return decimalSql(cell, column, cast, read);
    case 'text':
      // A text beyond a double is cast to infinity, which it does not say.
      return `(CASE WHEN ISINF(TRY_CAST(${cell} AS DOUBLE)) AND NOT CONTAINS(LOWER(${cell}), 'inf') THEN NULL ELSE TRY_CAST(${cell} AS DOUBLE) END)`;
    default:
      return column satisfies never;
  }
}

/** DuckDB divides the digits by a power of ten where both are doubles; otherwise it adds two parts. */
function decimalSql(
  cell: string,
  { width, scale }: Extract<NumberColumn, { readonly kind: 'decimal' }>,
  cast: string,
  read: string,
): string {
  if (scale > MOST_SCALE) return read;
  if (10 ** width <= EXACT_END) return cast;
  const digits = String(EXACT_END).padStart(scale + 1, '0');
  const end = `${digits.slice(0, digits.length - scale)}.${digits.slice(digits.length - scale)}`;
  return `CASE WHEN ${cell} BETWEEN -${end} AND ${end} THEN ${cast} ELSE ${read} END`;
}

/** Digits alone are that whole number; any other text is the nearest double. */
const WHOLE_TEXT = "'[ \\t-\\r]*[+-]?[0-9]+(_[0-9]+)*[ \\t-\\r]*'";

function wholeSql(cell: string, column: NumberColumn, type: NumberType): string {
  const of = (value: string) => `TRY_CAST(${value} AS ${DUCK_TYPES[type]})`;
  const number = unboundedSql(cell, column, of);
  return type === 'BOOL' ? `(CASE WHEN ${number} <= 1 THEN ${number} END)` : number;
}

/** A cast rounds a fraction: it is looked at before. */
function unboundedSql(cell: string, column: NumberColumn, of: (value: string) => string): string {
  const wholeOf = (value: string) => `(CASE WHEN ${value} = TRUNC(${value}) THEN ${of(value)} END)`;
  switch (column.kind) {
    case 'exact':
    case 'wide':
    case 'huge':
      return of(cell);
    case 'FLOAT':
    case 'DOUBLE':
    case 'decimal':
      return wholeOf(cell);
    case 'text':
      return `(CASE WHEN REGEXP_FULL_MATCH(${cell}, ${WHOLE_TEXT}) THEN ${of(cell)} ELSE ${wholeOf(doubleSql(cell, column))} END)`;
    default:
      return column satisfies never;
  }
}
