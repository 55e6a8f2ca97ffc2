import { SIGN } from '../plan/names.ts';
import type { Partial } from '../plan/partial.ts';
import type { Dialect } from './dialect.ts';
import { signedWideSql, squareSql, stampedSql, valueSql, wideSql, wildSql } from './partial.ts';

/**
 * How two values of a column are one, for engines that keep tiles by themselves: sums of 64 bits and of 38 digits, the latter
 * also with values that have no exact number and leave none for good, and extremes.
 */
export type Fold =
  | 'sum64'
  | 'sum'
  | 'sumUnlessWild'
  | 'leastLong'
  | 'greatestLong'
  | 'leastDouble'
  | 'greatestDouble'
  | 'leastText'
  | 'greatestText';

/** The mark of a value without an exact number. */
const WILD = "'wild'";

/** The result of `updateSql` for a group of one event, as text; folding it over the events of a group gives the same. */
export function incrementSql(partial: Partial, dialect: Dialect): string {
  const value = valueSql(partial, null, dialect);
  if (partial.signed === true) return textOf(signedSql(partial, value ?? '1'));
  switch (partial.suffix) {
    case 'n':
    case 'true':
    case 'beyond':
      return textOf(value === null ? '1' : `CASE WHEN ${value} IS NOT NULL THEN 1 ELSE 0 END`);
    case 'sum':
    case 'element':
      return textOf(wideSql(value));
    case 'sq':
      return wildOr(value, squareSql(value));
    case 'min':
    case 'max':
      return partial.inputType?.type === 'float' ? dialect.floatText(`${value}`) : textOf(`${value}`);
    case 'first':
    case 'last':
      return stampedSql(`${value}`, partial.inputType, dialect);
    case 'total':
    case 'squares':
    case 'wild':
      throw new TypeError(`${partial.suffix} is no column of tiles`);
    default:
      return partial.suffix satisfies never;
  }
}

function signedSql({ suffix }: Partial, value: string): string {
  switch (suffix) {
    case 'n':
    case 'true':
    case 'beyond':
      return `CASE WHEN ${value} IS NOT NULL THEN ${SIGN} ELSE 0 END`;
    case 'sum':
    case 'element':
      return `COALESCE(${signedWideSql(value)}, 0)`;
    case 'sq':
      return wildOr(value, `COALESCE(${SIGN} * ${squareSql(value)}, 0)`);
    default:
      throw new TypeError(`${suffix} is no sum`);
  }
}

function wildOr(value: string | null, sql: string): string {
  return `CASE WHEN ${wildSql(value)} = 1 THEN ${WILD} ELSE ${textOf(sql)} END`;
}

function textOf(sql: string): string {
  return `CAST(${sql} AS STRING)`;
}

/** How the increments of a column fold. */
export function foldOf({ suffix, type, inputType }: Partial): Fold {
  switch (suffix) {
    case 'n':
    case 'true':
    case 'beyond':
      return 'sum64';
    case 'sum':
    case 'element':
    case 'total':
    case 'squares':
    case 'wild':
      return 'sum';
    case 'sq':
      return 'sumUnlessWild';
    case 'min':
      return inputType?.type === 'text' ? 'leastText' : type === 'DOUBLE' ? 'leastDouble' : 'leastLong';
    case 'max':
      return inputType?.type === 'text' ? 'greatestText' : type === 'DOUBLE' ? 'greatestDouble' : 'greatestLong';
    case 'first':
      return 'leastText';
    case 'last':
      return 'greatestText';
    default:
      return suffix satisfies never;
  }
}
