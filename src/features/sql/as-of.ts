import type { AsOfLookup, AsOfPlan } from '../plan/as-of.ts';
import { ASKED, TS } from '../plan/names.ts';
import type { PointsPlan } from '../plan/points.ts';
import type { Compiler } from './compile.ts';
import { columnsOf, onEqual, selectList } from './text.ts';

/**
 * As-of lookups in plain SQL: rows are numbered by time within their key; how many rows lie before a bound is a running
 * count over rows and bounds together, and that number finds the row by equality.
 */
export function asOfSql({ from, lookups }: AsOfPlan, compiler: Compiler): string {
  const keys = from.keys.map(({ name }) => name);
  const joins = lookups.map((lookup, index) => lookupSql(lookup, index, from, keys, compiler));
  return `SELECT\n  ${selectList([...pointColumns(from), ...takenColumns(lookups)])}\nFROM ${[`${compiler.step(from)} AS p`, ...joins].join('\n')}`;
}

/** The columns of points, from alias p. */
export function pointColumns({ keys, windows }: PointsPlan): readonly string[] {
  return columnsOf('p', [...keys.map(({ name }) => name), ASKED, 'until', ...windows.map(({ from }) => from)]);
}

/** The columns that the lookups take, from aliases l0, l1, …. */
export function takenColumns(lookups: readonly AsOfLookup[]): readonly string[] {
  return lookups.flatMap(({ take }, index) =>
    Object.entries(take).map(([name, column]) => `l${index}.${column} AS ${name}`),
  );
}

function lookupSql(
  lookup: AsOfLookup,
  index: number,
  points: PointsPlan,
  keys: readonly string[],
  compiler: Compiler,
): string {
  const rows = compiler.step(lookup.in);
  const taken = [...new Set(Object.values(lookup.take))];
  const numbered = compiler.add(
    'numbered',
    `SELECT ${[...keys, ...taken].join(', ')}, ROW_NUMBER() OVER (PARTITION BY ${keys.join(', ')} ORDER BY ${TS}) AS place\nFROM ${rows}`,
  );
  const counted = compiler.add('counted', countedSql(lookup.bound, rows, compiler.step(points), keys));
  const place = lookup.find === 'lastBefore' ? `b${index}.place` : `b${index}.place + 1`;
  return `LEFT JOIN ${counted} AS b${index} ON ${onEqual('p', `b${index}`, keys)} AND p.${lookup.bound} = b${index}.bound
LEFT JOIN ${numbered} AS l${index} ON ${onEqual('p', `l${index}`, keys)} AND l${index}.place = ${place}`;
}

/** The number of a key's rows before each different bound. A bound sorts before a row of the same time. */
function countedSql(bound: string, rows: string, points: string, keys: readonly string[]): string {
  const list = keys.join(', ');
  return `SELECT ${list}, bound, place
FROM (
  SELECT ${list}, bound, is_row, SUM(is_row) OVER (PARTITION BY ${list} ORDER BY bound, is_row ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS place
  FROM (
    SELECT ${list}, ${TS} AS bound, 1 AS is_row FROM ${rows}
    UNION ALL
    SELECT DISTINCT ${list}, ${bound} AS bound, 0 AS is_row FROM ${points}
  ) AS u
) AS c
WHERE is_row = 0`;
}
