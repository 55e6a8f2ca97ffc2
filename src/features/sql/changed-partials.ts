import type { ChangedPartialsPlan } from '../plan/changed-partials.ts';
import { ASKED, CHANGED, TS } from '../plan/names.ts';
import type { PointsPlan } from '../plan/points.ts';
import type { Compiler } from './compile.ts';
import { updateSql } from './partial.ts';
import { arrivedTests } from './points.ts';
import { columnsOf, onEqual, selectList } from './text.ts';

export function changedPartialsSql({ points, events, columns }: ChangedPartialsPlan, compiler: Compiler): string {
  const keys = points.keys.map(({ name }) => name);
  const group = columnsOf('p', [...keys, ASKED]);
  const updated = columns.map(
    ({ name, partial, from }) => `${updateSql(partial, compiler.dialect, `e.${TS} >= p.${from}`)} AS ${name}`,
  );
  return `SELECT\n  ${selectList([...group, ...updated])}
FROM ${compiler.step(points)} AS p
LEFT JOIN ${compiler.step(events)} AS e ON ${[onEqual('p', 'e', keys), ...knownChanges(points)].join(' AND ')}
GROUP BY ${group.join(', ')}`;
}

/** Changes that had happened before q (and arrived by it), of rows whose time is before it. */
export function knownChanges(points: PointsPlan): readonly string[] {
  return [`e.${CHANGED} < p.${ASKED}`, `e.${TS} < p.${ASKED}`, ...arrivedTests(points)];
}
