import { type ColumnSpec, VALUE_TYPES, type ValueType } from './column.ts';

const TYPE_TEXT = /^(?:list<([a-z0-9]+)(?:\((\d+)\))?>|([a-z0-9]+)(?:\((\d+)\))?)(\?)?$/;

/** The column that `typeText` wrote; null for a text that it does not write. */
export function parseTypeText(text: string): ColumnSpec | null {
  const [, element, elementScale, plain, plainScale, mark] = TYPE_TEXT.exec(text) ?? [];
  const nullable = mark !== undefined;
  if (element !== undefined && isType(element) && element !== 'list' && element !== 'embedding')
    return { type: 'list', element, nullable, ...scaleOf(elementScale) };
  if (plain === 'embedding')
    return plainScale === undefined ? null : { type: plain, nullable, length: Number(plainScale) };
  if (plain !== undefined && isType(plain) && plain !== 'list')
    return { type: plain, nullable, ...scaleOf(plainScale) };
  return null;
}

function isType(text: string): text is ValueType {
  return (VALUE_TYPES as readonly string[]).includes(text);
}

function scaleOf(digits: string | undefined): { readonly scale?: number } {
  return digits === undefined ? {} : { scale: Number(digits) };
}
