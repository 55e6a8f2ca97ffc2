import type { ExtremesPlan } from '../plan/extremes.ts';
import { ASKED, TS } from '../plan/names.ts';
import { bucketJoin } from './bucket-join.ts';
import type { Compiler } from './compile.ts';
import { mergeSql } from './partial.ts';
import { columnsOf, onEqual, selectList } from './text.ts';

/** Joins each point with the instants of its longest window; engines with frames of variable length have a better text. */
export function extremesSql({ points, instants, columns }: ExtremesPlan, compiler: Compiler): string {
  const keys = points.keys.map(({ name }) => name);
  const windows = points.windows.filter(({ from }) => columns.some((column) => column.from === from));
  const { left, right, on } = bucketJoin(compiler.step(points), compiler.step(instants), windows, compiler);
  const group = columnsOf('p', [...keys, ASKED]);
  const merged = columns.map(
    ({ name, partial, from }) =>
      `${mergeSql(partial, `CASE WHEN e.${TS} >= p.${from} THEN e.${partial.name} END`, compiler.dialect)} AS ${name}`,
  );
  return `SELECT\n  ${selectList([...group, ...merged])}
FROM ${left} AS p
JOIN ${right} AS e ON ${[onEqual('p', 'e', keys), ...on, `e.${TS} < p.until`].join(' AND ')}
GROUP BY ${group.join(', ')}`;
}
