import type { ColumnSpec } from '../schema/column.ts';

/** The SQL by which a store orders its keys by a column: texts begin with their lengths. */
export function orderOf(type: ColumnSpec['type'], column: string): readonly string[] {
  return type === 'text' ? [`strlen(${column})`, column] : [column];
}
