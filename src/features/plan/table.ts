import { fail } from '../../base/errors/fail.ts';
import type { ColumnSpec, Columns } from '../../schema/column.ts';

/** Types of columns of offline tables and of SQL results; what the offline port takes. DECIMAL is DECIMAL(38,0). */
export type SqlType =
  | 'BIGINT'
  | 'DOUBLE'
  | 'BOOLEAN'
  | 'STRING'
  | 'DECIMAL'
  | 'LIST<BIGINT>'
  | 'LIST<DOUBLE>'
  | 'LIST<STRING>'
  | 'LIST<BOOLEAN>';

/** A table that the offline store keeps: its name and its columns in order. */
export interface Table {
  readonly name: string;
  readonly columns: Readonly<Record<string, SqlType>>;
}

const SCALARS = {
  text: 'STRING',
  int: 'BIGINT',
  int64: 'BIGINT',
  decimal: 'BIGINT',
  float: 'DOUBLE',
  bool: 'BOOLEAN',
  time: 'BIGINT',
} as const;

/** The form of a value in a table: numbers and times as BIGINT, a decimal as the scaled BIGINT it is inside. */
export function sqlType({ type, element = 'text' }: ColumnSpec): SqlType {
  if (type === 'embedding') return 'LIST<DOUBLE>';
  return type === 'list' ? `LIST<${SCALARS[element]}>` : SCALARS[type];
}

/** Types of declared columns, each name behind `prefix`. */
export function sqlColumns(columns: Columns, prefix = ''): Record<string, SqlType> {
  return Object.fromEntries(Object.entries(columns).map(([name, spec]) => [`${prefix}${name}`, sqlType(spec)]));
}

/** A table of groups of columns, in order. Error: PLAN_NAME where a name is no name or two are one to an engine that ignores case. */
export function tableOf(name: string, ...groups: readonly Readonly<Record<string, SqlType>>[]): Table {
  const seen = new Set<string>();
  for (const column of groups.flatMap((group) => Object.keys(group))) {
    const folded = column.toLowerCase();
    if (!/^_?[a-z][a-z0-9_]*$/.test(folded) || seen.has(folded)) throw fail('PLAN_NAME', { where: name, name: column });
    seen.add(folded);
  }
  return { name, columns: Object.assign({}, ...groups) };
}
