import type { MergedPartialsPlan } from '../plan/merged-partials.ts';
import { ASKED } from '../plan/names.ts';
import type { Compiler } from './compile.ts';
import { mergePairSql } from './partial.ts';
import { columnsOf, onEqual, selectList } from './text.ts';

/** Every point has closed partials; open ones only where it has open events. */
export function mergedPartialsSql({ closed, open }: MergedPartialsPlan, compiler: Compiler): string {
  const point = [...open.points.keys.map(({ name }) => name), ASKED];
  const merged = open.columns.map(
    ({ name, partial }) => `${mergePairSql(partial, `c.${name}`, `o.${name}`)} AS ${name}`,
  );
  return `SELECT\n  ${selectList([...columnsOf('c', point), ...merged])}
FROM ${compiler.step(closed)} AS c
LEFT JOIN ${compiler.step(open)} AS o ON ${onEqual('c', 'o', point)}`;
}
