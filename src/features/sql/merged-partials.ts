import type { MergedPartialsPlan } from '../plan/merged-partials.ts';
import { ASKED } from '../plan/names.ts';
import type { Compiler } from './compile.ts';
import { mergeSql } from './partial.ts';
import { selectList } from './text.ts';

export function mergedPartialsSql({ closed, open }: MergedPartialsPlan, compiler: Compiler): string {
  const point = [...open.points.keys.map(({ name }) => name), ASKED];
  const names = [...point, ...open.columns.map(({ name }) => name)].join(', ');
  const merged = open.columns.map(({ name, partial }) => `${mergeSql(partial, name, compiler.dialect)} AS ${name}`);
  return `SELECT\n  ${selectList([...point, ...merged])}
FROM (
  SELECT ${names} FROM ${compiler.step(closed)}
  UNION ALL
  SELECT ${names} FROM ${compiler.step(open)}
) AS u
GROUP BY ${point.join(', ')}`;
}
