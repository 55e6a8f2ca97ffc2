import { type SqlType, sqlType } from '../features/plan/table.ts';
import type { SqlValue } from '../features/sql/decode.ts';
import type { ColumnSpec, Value } from '../schema/column.ts';
import { doubleOf } from './cell-number.ts';
import { scaledDoubleSql } from './cell-sql.ts';

/*
 * The value of a feature as training sets have it, for every type. Inputs of models are made by `cell-number.ts`, whose double is the
 * one here, so that the two cannot differ:
 *
 * | type              | in a model's training set | as an input of the model                  |
 * |-------------------|---------------------------|-------------------------------------------|
 * | int, time         | BIGINT                    | the number; a time as epoch ms            |
 * | int64             | BIGINT                    | its double; itself in a whole tensor      |
 * | decimal           | DOUBLE, 12.09 as 12.09    | that double                               |
 * | float             | DOUBLE                    | the double                                |
 * | bool              | BOOLEAN                   | 1 and 0                                   |
 * | embedding         | LIST<DOUBLE>              | one input a number                        |
 * | text              | STRING                    | none                                      |
 * | list              | LIST, decimals as DOUBLE  | none                                      |
 *
 * A null is null in the file and NaN as an input of a float type.
 */

/** How training sets and served rows hold numbers; a version records it. Before 1, sets held a decimal 12.09 as 1209. */
export const MODEL_ENCODING = 1;

/** Whether sets held a column as a scaled integer before versions recorded an encoding. */
export function heldAsInteger({ type, scale = 0 }: ColumnSpec): boolean {
  return type === 'decimal' && scale > 0;
}

/** The type of a feature's column in a model's training set. */
export function modelColumn(spec: ColumnSpec): SqlType {
  if (spec.type === 'decimal') return 'DOUBLE';
  return spec.type === 'list' && spec.element === 'decimal' ? 'LIST<DOUBLE>' : sqlType(spec);
}

/** Chooses how a value is held in a model's training set. Hot path: chosen once per column. */
export function modelCell(spec: ColumnSpec): (value: Value) => SqlValue {
  switch (spec.type) {
    case 'decimal': {
      const double = doubleOf(spec);
      return (value) => (value === null ? null : double(value));
    }
    case 'list': {
      if (spec.element !== 'decimal') return (value) => value;
      const double = doubleOf({ ...spec, type: 'decimal' });
      return (value) => (Array.isArray(value) ? value.map(double) : null);
    }
    case 'text':
    case 'int':
    case 'int64':
    case 'float':
    case 'bool':
    case 'time':
    case 'embedding':
      return (value) => value;
    default:
      return spec.type satisfies never;
  }
}

/**
 * SQL of {@link modelCell} for the set of a user's own rows.
 */
export function modelCellSql(value: string, { type, element, scale = 0 }: ColumnSpec): string {
  if (type === 'decimal') return scaledDoubleSql(value, scale);
  if (type === 'list' && element === 'decimal')
    return `LIST_TRANSFORM(${value}, LAMBDA e: ${scaledDoubleSql('e', scale)})`;
  return value;
}
