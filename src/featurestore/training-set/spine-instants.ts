import type { HeadraceError } from '../../base/errors/fail.ts';
import type { ColumnSpec } from '../../schema/column.ts';
import { type InstantPlace, unitFault, wrongUnitSql } from '../../schema/instant.ts';
import type { SpineColumn } from './spine-file.ts';

const NUMBER_TEXT = `'"?-?\\d+(\\.0+)?"?'`;

/** A number that stands alone in a text: no part of a date. */
const NUMBER = /(?<![\w.:+-])-?\d{1,30}(?:\.\d{1,30})?(?![\w.:+-])/g;

/** Whether instants of a column can be in another unit: a timestamp says its own. */
export function hasUnit({ type }: SpineColumn, spec: ColumnSpec): boolean {
  const isInstant = spec.type === 'time' || (spec.type === 'list' && spec.element === 'time');
  return isInstant && !/^(TIMESTAMP|DATE)/.test(type);
}

/** SQL that is true where a value read from a cell is in another unit. Of texts, those that are numbers: a date says its own unit. */
export function unitTest(value: string, cell: string, { type }: SpineColumn, spec: ColumnSpec, now: number): string {
  if (spec.type !== 'time') return `LEN(LIST_FILTER(${value}, LAMBDA e: ${wrongUnitSql('e', now, spec)})) > 0`;
  const wrong = wrongUnitSql(value, now, spec);
  const isText = type === 'JSON' || type === 'VARCHAR' || type.startsWith('ENUM');
  return isText ? `(REGEXP_FULL_MATCH(CAST(${cell} AS VARCHAR), ${NUMBER_TEXT}) AND ${wrong})` : wrong;
}

/** Why a number of a cell's text is in another unit; null: none is. */
export function unitIn(text: string, place: InstantPlace, now: number, spec: ColumnSpec): HeadraceError | null {
  for (const [number] of text.matchAll(NUMBER)) {
    const unit = unitFault(place, Number(number), now, spec);
    if (unit !== null) return unit;
  }
  return null;
}

/** Whether the text of a cell is a whole number. */
export function isWholeText(text: string): boolean {
  return /^"?-?\d+"?$/.test(text);
}
