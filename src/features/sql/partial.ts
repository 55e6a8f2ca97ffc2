import type { ColumnSpec } from '../../schema/column.ts';
import { MOST_SUMMED } from '../aggregate/mean-of-embeddings.ts';
import { ID, SIGN, TS } from '../plan/names.ts';
import type { Partial } from '../plan/partial.ts';
import type { Dialect } from './dialect.ts';
import { bigint, double } from './text.ts';

/** The aggregate over a group of events that gives a column of a partial; `where` counts only events for which it holds. */
export function updateSql(partial: Partial, dialect: Dialect, where: string | null = null): string {
  const value = valueSql(partial, where, dialect);
  if (partial.signed === true) return signedSql(partial, value ?? '1');
  switch (partial.suffix) {
    case 'n':
      return value === null ? 'COUNT(*)' : `COUNT(${value})`;
    case 'true':
      return `COUNT(${value})`;
    case 'sum':
    case 'total':
      return `SUM(${wideSql(value)})`;
    case 'sq':
      return `CASE WHEN COUNT(${wildSql(value)}) = 0 THEN SUM(${squareSql(value)}) END`;
    case 'squares':
      return `SUM(${squareSql(value)})`;
    case 'wild':
      return `COUNT(${wildSql(value)})`;
    case 'element':
      return `SUM(CAST(${value} AS DECIMAL(38,0)))`;
    case 'beyond':
      return `COUNT(${value})`;
    case 'min':
    case 'max':
      return extremeSql(partial, `${value}`, dialect);
    case 'first':
      return `MIN(${stampedSql(`${value}`, partial.inputType, dialect)})`;
    case 'last':
      return `MAX(${stampedSql(`${value}`, partial.inputType, dialect)})`;
    default:
      return partial.suffix satisfies never;
  }
}

/** Sums with the sign of each event; zero over nothing. One input too large to be squared leaves no answer for good. */
function signedSql({ suffix }: Partial, value: string): string {
  const count = `CAST(COALESCE(SUM(CASE WHEN ${value} IS NOT NULL THEN ${SIGN} END), 0) AS BIGINT)`;
  switch (suffix) {
    case 'n':
    case 'true':
    case 'beyond':
      return count;
    case 'sum':
    case 'total':
    case 'element':
      return `COALESCE(SUM(${signedWideSql(value)}), 0)`;
    case 'sq':
      return `CASE WHEN COUNT(${wildSql(value)}) = 0 THEN COALESCE(SUM(${SIGN} * ${squareSql(value)}), 0) END`;
    case 'squares':
      return `COALESCE(SUM(${SIGN} * ${squareSql(value)}), 0)`;
    case 'wild':
      return `COUNT(${wildSql(value)})`;
    default:
      throw new TypeError(`${suffix} is no sum`);
  }
}

/** A value in a type that no sum of values leaves. */
export function wideSql(value: string | null): string {
  return `CAST(${value} AS DECIMAL(38,0))`;
}

/** The same with the sign of its event. Widened first: the negative of the least BIGINT is none. */
export function signedWideSql(value: string): string {
  return `CASE WHEN ${SIGN} < 0 THEN -${wideSql(value)} ELSE ${wideSql(value)} END`;
}

/** The counted or aggregated input: null means every event. */
export function valueSql(partial: Partial, where: string | null, dialect: Dialect): string | null {
  const { aggregate, suffix, inputType } = partial;
  const input = inputSql(partial, dialect);
  const onlyTrue = suffix === 'true' || (aggregate === 'count' && inputType?.type === 'bool');
  const tests = [...(where === null ? [] : [where]), ...(onlyTrue && input !== null ? [input] : [])];
  const value = input === null || onlyTrue ? '1' : input;
  if (tests.length > 0) return `CASE WHEN ${tests.join(' AND ')} THEN ${value} END`;
  return input === null ? null : value;
}

/** The part of an event's input in a column: of an embedding one number, as a whole multiple, or whether one is too large. */
function inputSql({ suffix, input, element, inputType }: Partial, dialect: Dialect): string | null {
  if (input === null) return null;
  if (suffix === 'beyond') return `CASE WHEN ${dialect.beyond(input, inputType?.length ?? 1, MOST_SUMMED)} THEN 1 END`;
  if (suffix !== 'element') return input;
  const number = dialect.element(input, element ?? 0);
  return `CASE WHEN ${number} BETWEEN ${double(-MOST_SUMMED)} AND ${double(MOST_SUMMED)} THEN ${unitsSql(number)} WHEN ${number} IS NOT NULL THEN ${bigint(0)} END`;
}

/** A double in multiples of 2^-32, halves upward. The floor is of a double, and cast at once: its type differs by engine. */
function unitsSql(number: string): string {
  return `CAST(FLOOR(${number} * ${double(2 ** 32)} + ${double(0.5)}) AS BIGINT)`;
}

/** The largest input that is squared: ten million such squares fit in 38 digits. One beyond leaves no exact answer. */
const LARGEST_SQUARED = bigint(3_000_000_000_000_000n);
const LEAST_SQUARED = bigint(-3_000_000_000_000_000n);

/** The square of a value, null where it is too large for one. */
export function squareSql(value: string | null): string {
  const wide = `CAST(${value} AS DECIMAL(19,0))`;
  return `CASE WHEN ${value} BETWEEN ${LEAST_SQUARED} AND ${LARGEST_SQUARED} THEN ${wide} * ${wide} END`;
}

/** 1 where a value is too large to be squared. */
export function wildSql(value: string | null): string {
  return `CASE WHEN ${value} NOT BETWEEN ${LEAST_SQUARED} AND ${LARGEST_SQUARED} THEN 1 END`;
}

function extremeSql({ suffix, inputType }: Partial, value: string, dialect: Dialect): string {
  const side = suffix === 'min' ? 'MIN' : 'MAX';
  return inputType?.type === 'text' ? dialect.extremeText(side, value) : `${side}(${value})`;
}

/** `pad(ts) ‖ pad(id) ‖ value`: orders as (ts, id) on every engine; null where the value is. */
export function stampedSql(value: string, type: ColumnSpec | null, dialect: Dialect): string {
  return `${stampSql()} || ${valueTextSql(value, type, dialect)}`;
}

/** `pad(ts) ‖ pad(id)`, 51 ASCII characters. */
export function stampSql(): string {
  return `LPAD(CAST(${TS} + ${bigint(100_000_000_000_000)} AS STRING), 15, '0') || RPAD(${ID}, 36, ' ')`;
}

/** Where the value begins behind the stamp, counted from 1. */
export const STAMP_END = 52;

/** A value as the text that the algebra writes for it; null where it is null. */
export function valueTextSql(value: string, type: ColumnSpec | null, dialect: Dialect): string {
  if (type?.type === 'text') return value;
  if (type?.type === 'bool') return `CASE WHEN ${value} THEN 'true' WHEN NOT ${value} THEN 'false' END`;
  if (type?.type === 'float') return dialect.floatText(value);
  if (type?.type === 'embedding') return dialect.embeddingText(value);
  return `CAST(${value} AS STRING)`;
}

/** Merges a group of values of a column. */
export function mergeSql(partial: Partial, column: string, dialect: Dialect): string {
  switch (partial.suffix) {
    case 'n':
    case 'true':
    case 'wild':
    case 'beyond':
      return `CAST(SUM(${column}) AS BIGINT)`;
    case 'sum':
    case 'element':
    case 'sq':
    case 'total':
    case 'squares':
      return `SUM(${column})`;
    case 'min':
    case 'max':
      return extremeSql(partial, column, dialect);
    case 'first':
      return `MIN(${column})`;
    case 'last':
      return `MAX(${column})`;
    default:
      return partial.suffix satisfies never;
  }
}

/** Merges two values of a column, of which either may be null: the same as `mergeSql` gives for a group of the two. */
export function mergePairSql(partial: Partial, a: string, b: string): string {
  switch (partial.suffix) {
    case 'n':
    case 'true':
    case 'wild':
    case 'beyond':
    case 'sum':
    case 'element':
    case 'sq':
    case 'total':
    case 'squares':
      return `COALESCE(${a} + ${b}, ${a}, ${b})`;
    case 'min':
    case 'first':
      return `CASE WHEN ${b} IS NULL OR ${a} <= ${b} THEN ${a} ELSE ${b} END`;
    case 'max':
    case 'last':
      return `CASE WHEN ${b} IS NULL OR ${a} >= ${b} THEN ${a} ELSE ${b} END`;
    default:
      return partial.suffix satisfies never;
  }
}
