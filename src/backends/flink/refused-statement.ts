import { fail } from '../../base/errors/fail.ts';

/** A table whose connector Flink does not find. */
const NO_CONNECTOR = /Could not find any factory for identifier '([\w-]+)'/;

/** Where a validation failed, as Calcite says it. */
const AT_LINE = /(?:line |at line )(\d+), column \d+/i;

/** The statement that creates or fills a table of a view or a source. */
const TABLE = /^(?:CREATE TEMPORARY (?:TABLE|VIEW)|INSERT INTO) `([^`]+)`/;

/** The error of a statement that Flink refuses: of which table, and of which line. */
export function refusedStatement(statement: string, reason: string): Error {
  const connector = NO_CONNECTOR.exec(reason)?.[1];
  if (connector !== undefined) return fail('FLINK_CONNECTOR', { connector }, new Error(reason));
  const lines = statement.split('\n');
  const line = Number(AT_LINE.exec(reason)?.[1] ?? 0);
  const until = line === 0 ? lines.length : line;
  const tables = lines.slice(0, until).flatMap((text) => TABLE.exec(text)?.[1] ?? []);
  const table = (line === 0 ? tables[0] : tables.at(-1)) ?? 'the session';
  const text = (lines[line - 1] ?? lines[0] ?? '').trim().slice(0, 160);
  return fail('FLINK_SQL', { table, line: Math.max(1, line), text, reason }, new Error(statement));
}
