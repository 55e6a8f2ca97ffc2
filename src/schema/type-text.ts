import type { ColumnSpec, Columns } from './column.ts';

/** A column's type as one word: `int`, `decimal(2)?`, `list<decimal(2)>`, `embedding(64)`. */
export function typeText({ type, element, scale, length, nullable }: ColumnSpec): string {
  const size = type === 'embedding' ? length : scale;
  const scaled = size === undefined ? '' : `(${size})`;
  const base = type === 'list' ? `list<${element ?? 'text'}${scaled}>` : `${type}${scaled}`;
  return nullable ? `${base}?` : base;
}

/** The types of columns, by name. */
export function typeTexts(columns: Columns): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(columns).map(([name, spec]) => [name, typeText(spec)]));
}
