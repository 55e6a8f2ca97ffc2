import { fail } from '../../base/errors/fail.ts';
import type { Dialect } from './dialect.ts';
import { double, indent } from './text.ts';

/** The shared text with double quotes and a WITH clause: what dialects start from. */
export const standard: Dialect = {
  name: 'standard',
  identifier: (name) => `"${name.replaceAll('"', '""')}"`,
  text: textLiteral,
  extremeText: (side, sql) => `${side}(${sql})`,
  floatText: (sql) => `CAST(${sql} AS STRING)`,
  element: elementSql,
  beyond: (embedding, length, most) => {
    const tests = Array.from({ length }, (_, i) => {
      const number = elementSql(embedding, i);
      return `${number} NOT BETWEEN ${double(-most)} AND ${double(most)}`;
    });
    return `(${tests.join(' OR ')})`;
  },
  array: (numbers) => `ARRAY[${numbers.join(', ')}]`,
  embeddingText: (sql) => `CAST(${sql} AS STRING)`,
  embeddingOf: (text) => `CAST(${text} AS DOUBLE ARRAY)`,
  exactSpread: (n, squares, total) => `CAST(${n} AS DECIMAL(19,0)) * ${squares} - ${total} * ${total}`,
  toDouble: (sql) => `CAST(CAST(${sql} AS STRING) AS DOUBLE)`,
  timestampMs: (sql) => `CAST(EXTRACT(EPOCH FROM ${sql}) * 1000 AS BIGINT)`,
  multiset: (sql) => `COLLECT(${sql})`,
  list: (value, order) => `ARRAY_AGG(${value} ORDER BY ${order})`,
  statement: ({ steps, select }) => {
    if (steps.length === 0) return select;
    return `WITH\n${steps.map(({ name, sql }) => `${name} AS (\n  ${indent(sql)}\n)`).join(',\n')}\n${select}`;
  },
  writers: {},
};

function elementSql(embedding: string, place: number): string {
  return `${embedding}[${place + 1}]`;
}

/** Quotes doubled. A backslash is an escape on some engines and a zero character ends the text on others. */
function textLiteral(value: string): string {
  if (value.includes('\\')) throw fail('PLAN_LITERAL', { text: value, reason: 'engines read a backslash differently' });
  if (value.includes('\0')) throw fail('PLAN_LITERAL', { text: value, reason: 'it has a zero character' });
  return `'${value.replaceAll("'", "''")}'`;
}
