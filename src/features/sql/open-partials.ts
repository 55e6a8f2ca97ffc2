import { ASKED, TS } from '../plan/names.ts';
import type { OpenPartialsPlan } from '../plan/open-partials.ts';
import { bucketed } from './bucket-join.ts';
import type { Compiler } from './compile.ts';
import { updateSql } from './partial.ts';
import { arrivedTests } from './points.ts';
import { columnsOf, onEqual, selectList } from './text.ts';

export function openPartialsSql({ points, events, columns }: OpenPartialsPlan, compiler: Compiler): string {
  const keys = points.keys.map(({ name }) => name);
  const group = columnsOf('p', [...keys, ASKED]);
  const length = Math.max(points.arrived?.latenessMs ?? 1, 1);
  const known = [`e.${TS} >= p.until`, `e.${TS} < p.${ASKED}`, ...arrivedTests(points)];
  const { left, right, on } = bucketed(compiler.step(points), compiler.step(events), length, known, compiler);
  const updated = columns.map(
    ({ name, partial, from }) => `${updateSql(partial, compiler.dialect, `e.${TS} >= p.${from}`)} AS ${name}`,
  );
  return `SELECT\n  ${selectList([...group, ...updated])}
FROM ${left} AS p
JOIN ${right} AS e ON ${[onEqual('p', 'e', keys), ...on].join(' AND ')}
GROUP BY ${group.join(', ')}`;
}
