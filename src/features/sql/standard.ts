import { fail } from '../../base/errors/fail.ts';
import type { Dialect } from './dialect.ts';
import { indent } from './text.ts';

/** The shared text with double quotes and a WITH clause: what dialects start from. */
export const standard: Dialect = {
  name: 'standard',
  identifier: (name) => `"${name.replaceAll('"', '""')}"`,
  text: textLiteral,
  extremeText: (side, sql) => `${side}(${sql})`,
  floatText: (sql) => `CAST(${sql} AS STRING)`,
  exactSpread: (n, squares, total) => `CAST(${n} AS DECIMAL(19,0)) * ${squares} - ${total} * ${total}`,
  toDouble: (sql) => `CAST(CAST(${sql} AS STRING) AS DOUBLE)`,
  timestampMs: (sql) => `CAST(EXTRACT(EPOCH FROM ${sql}) * 1000 AS BIGINT)`,
  list: (value, order) => `ARRAY_AGG(${value} ORDER BY ${order})`,
  statement: (steps, select) => {
    if (steps.length === 0) return select;
    return `WITH\n${steps.map(({ name, sql }) => `${name} AS (\n  ${indent(sql)}\n)`).join(',\n')}\n${select}`;
  },
  writers: {},
};

/** Quotes doubled. A backslash is an escape on some engines and a zero character ends the text on others. */
function textLiteral(value: string): string {
  if (value.includes('\\')) throw fail('PLAN_LITERAL', { text: value, reason: 'engines read a backslash differently' });
  if (value.includes('\0')) throw fail('PLAN_LITERAL', { text: value, reason: 'it has a zero character' });
  return `'${value.replaceAll("'", "''")}'`;
}
