import type { ClosedColumn, ClosedPartialsPlan } from '../plan/closed-partials.ts';
import { ASKED } from '../plan/names.ts';
import type { Compiler } from './compile.ts';
import { columnsOf, onEqual, selectList } from './text.ts';

export function closedPartialsSql({ lookedUp, extremes, columns }: ClosedPartialsPlan, compiler: Compiler): string {
  const point = [...lookedUp.from.keys.map(({ name }) => name), ASKED];
  const asKnown = lookedUp.from.arrived !== null;
  const select = [
    ...columnsOf('a', point),
    ...columns.map((column) => `${closedSql(column, asKnown)} AS ${column.name}`),
  ];
  const from = [`${compiler.step(lookedUp)} AS a`];
  if (extremes !== null) from.push(`LEFT JOIN ${compiler.step(extremes)} AS x ON ${onEqual('a', 'x', point)}`);
  return `SELECT\n  ${selectList(select)}\nFROM ${from.join('\n')}`;
}

function closedSql(column: ClosedColumn, asKnown: boolean): string {
  switch (column.how) {
    case 'difference': {
      const difference =
        column.tail === null ? sumOrZero(column.head) : `${sumOrZero(column.head)} - ${sumOrZero(column.tail)}`;
      // A short window may begin after the closed events end: it has none of them.
      const clipped = asKnown ? `CASE WHEN a.${column.from} < a.until THEN ${difference} ELSE 0 END` : difference;
      return column.partial.type === 'BIGINT' ? `CAST(${clipped} AS BIGINT)` : clipped;
    }
    case 'last':
      return `CASE WHEN a.${column.ts} >= a.${column.from} THEN a.${column.value} END`;
    case 'first':
      return `CASE WHEN a.${column.ts} < a.until THEN a.${column.value} END`;
    case 'extreme':
      return `x.${column.name}`;
    default:
      return column satisfies never;
  }
}

function sumOrZero(column: string): string {
  return `COALESCE(a.${column}, 0)`;
}
