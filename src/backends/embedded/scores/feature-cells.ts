import { fail } from '../../../base/errors/fail.ts';
import {
  cellNumberSql,
  DUCK_TYPES,
  elementType,
  isUnfitSql,
  numberColumn,
  quickNumberSql,
} from '../../../model/cell-sql.ts';
import { isFloatType, type NumberType } from '../../../model/number-type.ts';
import { type RowInputs, textPlaces, typesOfFeatures } from '../../../model/row-inputs.ts';
import { quotedName, type RelationColumn } from './file-relation.ts';

/** A feature, and the SQL of its cells. */
export interface FeatureCell {
  readonly name: string;
  /** BYTES: a text. */
  readonly type: NumberType | 'BYTES';
  /** Its number in the short way, an error where one does not fit; null: it has none. */
  readonly quick: string | null;
  /** Its number or text, without meaning where the cell is missing or does not fit. */
  readonly cell: string;
  /** Whether it does not fit, and the text of the fault after the place. */
  readonly fault: { readonly isUnfit: string; readonly text: string };
}

/** The cells of a model's features in the columns of a file. Errors: PREDICT_COLUMN, PREDICT_TYPE, PREDICT_TEXT. */
export function featureCells(
  path: string,
  features: readonly string[],
  inputs: RowInputs,
  columns: readonly RelationColumn[],
): readonly FeatureCell[] {
  const types = typesOfFeatures(inputs);
  const texts = textPlaces(inputs);
  return features.map((name, i) =>
    texts.has(i) ? textCellOf(path, name, columns) : numberCellOf(path, { name, type: types[i] }, columns),
  );
}

interface NumberedName {
  readonly name: string;
  readonly type: NumberType;
}

function numberCellOf(path: string, { name, type }: NumberedName, columns: readonly RelationColumn[]): FeatureCell {
  const { sql, type: found } = columnOf(path, name, columns);
  const own = numberColumn(found);
  if (own === null) throw fail('PREDICT_TYPE', { path, column: name, type: found });
  const number = cellNumberSql(sql, own, type);
  const letter = own.kind === 'DOUBLE' || own.kind === 'FLOAT' ? 'n' : 't';
  const filled = (value: string) =>
    isFloatType(type) ? `COALESCE(${value}, CAST('nan' AS ${DUCK_TYPES[type]}))` : value;
  return {
    name,
    type,
    quick: isFloatType(type) && own.kind !== 'text' ? filled(quickNumberSql(sql, own, type)) : null,
    cell: `CAST(${filled(number)} AS ${DUCK_TYPES[type]})`,
    fault: { isUnfit: isUnfitSql(sql, number, type), text: `COALESCE('${letter} ' || CAST(${sql} AS VARCHAR), 'm')` },
  };
}

/** A text is fed as it is; a number is none. */
function textCellOf(path: string, name: string, columns: readonly RelationColumn[]): FeatureCell {
  const { sql, type } = columnOf(path, name, columns);
  if (type !== 'VARCHAR' && !type.startsWith('ENUM(')) throw fail('PREDICT_TEXT', { path, column: name, type });
  const cell = `CAST(${sql} AS VARCHAR)`;
  return { name, type: 'BYTES', quick: null, cell, fault: { isUnfit: `(${sql} IS NULL)`, text: "'m'" } };
}

/** The SQL and the type of a column, or of an element of a list: `taste[0]`. */
function columnOf(path: string, name: string, columns: readonly RelationColumn[]): { sql: string; type: string } {
  const whole = columns.find((column) => column.name === name);
  const [, list, place] = whole === undefined ? (/^(.+)\[(\d+)\]$/.exec(name) ?? []) : [];
  const column = whole ?? columns.find((one) => one.name === list);
  if (column === undefined) throw noColumn(path, name, columns);
  const quoted = quotedName(column.name);
  if (place === undefined) return { sql: quoted, type: column.type };
  return { sql: `${quoted}[${Number(place) + 1}]`, type: elementType(column.type) };
}

/** The error of a column that a file lacks. */
export function noColumn(path: string, column: string, columns: readonly RelationColumn[]): Error {
  return fail('PREDICT_COLUMN', { path, column, found: columns.map(({ name }) => name) });
}
