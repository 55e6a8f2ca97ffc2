import type { Value } from '../../schema/column.ts';
import type { Dialect } from './dialect.ts';

/** Pieces of SQL text that mean the same on every engine. */

/** A 64-bit literal: a bare number is 32-bit on some engines, and MOD of it then wraps. */
export function bigint(value: number | bigint): string {
  return `CAST(${value} AS BIGINT)`;
}

/** A value as a literal. */
export function valueText(value: Value, dialect: Pick<Dialect, 'text'>): string {
  return typeof value === 'string' ? dialect.text(value) : String(value);
}

/** A double literal: with an exponent, since engines take a plain `0.1` for a decimal. */
export function double(value: number): string {
  return `CAST(${value.toExponential()} AS DOUBLE)`;
}

/** The largest multiple of `step` at or before `sql`, for negative values as well. */
export function floorSql(sql: string, step: number): string {
  if (step === 1) return sql;
  const hop = bigint(step);
  return `${sql} - MOD(MOD(${sql}, ${hop}) + ${hop}, ${hop})`;
}

/** Columns of a SELECT, one a line. */
export function selectList(columns: readonly string[]): string {
  return columns.join(',\n  ');
}

/** `a.x = b.x AND a.y = b.y`. */
export function onEqual(left: string, right: string, columns: readonly string[]): string {
  return columns.map((column) => `${left}.${column} = ${right}.${column}`).join(' AND ');
}

/** Columns of an alias. */
export function columnsOf(alias: string, columns: readonly string[]): readonly string[] {
  return columns.map((column) => `${alias}.${column}`);
}

/** Moves every line but the first to the right. */
export function indent(sql: string): string {
  return sql.replaceAll('\n', '\n  ');
}
