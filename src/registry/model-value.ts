import { type SqlType, sqlType } from '../features/plan/table.ts';
import type { OfflineValue } from '../ports/offline-store.ts';
import type { ColumnSpec, Value } from '../schema/column.ts';

/*
 * The value of a feature as a model sees it, for every type. Training sets are written with it and served rows are made
 * with it, so that the two cannot differ:
 *
 * | type              | in a model's training set | as an input of the model (float32)        |
 * |-------------------|---------------------------|-------------------------------------------|
 * | int, time         | BIGINT                    | the number; a time as epoch ms            |
 * | int64             | DOUBLE, the nearest       | that double                               |
 * | decimal           | DOUBLE, 12.09 as 12.09    | that double                               |
 * | float             | DOUBLE                    | the double                                |
 * | bool              | BOOLEAN                   | 1 and 0                                   |
 * | embedding         | LIST<DOUBLE>              | one input a number                        |
 * | text              | STRING                    | none                                      |
 * | list              | LIST, decimals as DOUBLE  | none                                      |
 *
 * A null is null in the file and NaN as an input.
 */

/** How training sets and served rows hold numbers; a version records it. Before 1, sets held a decimal 12.09 as 1209. */
export const MODEL_ENCODING = 1;

/** Whether sets held a column as a scaled integer before versions recorded an encoding. */
export function heldAsInteger({ type, scale = 0 }: ColumnSpec): boolean {
  return type === 'decimal' && scale > 0;
}

/** The type of a feature's column in a model's training set. */
export function modelColumn(spec: ColumnSpec): SqlType {
  if (spec.type === 'decimal' || spec.type === 'int64') return 'DOUBLE';
  return spec.type === 'list' && spec.element === 'decimal' ? 'LIST<DOUBLE>' : sqlType(spec);
}

/** Chooses how a value is held in a model's training set. Hot path: chosen once per column. */
export function modelCell(spec: ColumnSpec): (value: Value) => OfflineValue {
  switch (spec.type) {
    case 'decimal':
      return decimalCell(spec);
    case 'int64':
      return (value) => (value === null ? null : Number(value));
    case 'list': {
      if (spec.element !== 'decimal') return (value) => value;
      const unit = unitOf(spec);
      return (value) => (Array.isArray(value) ? value.map((one) => Number(one) / unit) : null);
    }
    case 'text':
    case 'int':
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
 * SQL of {@link modelCell} for the set of a user's own rows. An int64 stays whole there, since it may be a key; a model
 * is fed its nearest double.
 */
export function modelCellSql(value: string, spec: ColumnSpec): string {
  const unit = `CAST(1e${spec.scale ?? 0} AS DOUBLE)`;
  if (spec.type === 'decimal') return `CAST(${value} AS DOUBLE) / ${unit}`;
  if (spec.type === 'list' && spec.element === 'decimal')
    return `LIST_TRANSFORM(${value}, LAMBDA e: CAST(e AS DOUBLE) / ${unit})`;
  return value;
}

/** Chooses how a value becomes an input of a model; `element`: which number of an embedding. Hot path. */
export function modelNumber(spec: ColumnSpec, element: number | null): (value: Value) => number {
  const cell = modelCell(spec);
  if (element === null) return (value) => numberOf(cell(value));
  return (value) => {
    const numbers = cell(value);
    return Array.isArray(numbers) ? numberOf(numbers[element]) : Number.NaN;
  };
}

/** A cell of a training set as a number: NaN where it is null. */
function numberOf(cell: OfflineValue): number {
  return cell === null ? Number.NaN : Number(cell);
}

function decimalCell(spec: ColumnSpec): (value: Value) => OfflineValue {
  const unit = unitOf(spec);
  return (value) => (value === null ? null : Number(value) / unit);
}

function unitOf({ scale = 0 }: ColumnSpec): number {
  return 10 ** scale;
}
