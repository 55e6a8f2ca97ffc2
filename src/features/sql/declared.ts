import type { DeclaredPlan } from '../plan/declared.ts';
import type { Compiler } from './compile.ts';
import { bigint, selectList } from './text.ts';

export function declaredSql({ from, columns, between }: DeclaredPlan, compiler: Compiler): string {
  const select = columns.map(({ column, name }) => `${column} AS ${compiler.dialect.identifier(name)}`);
  const tests = [
    ...(between.from === null ? [] : [`${from.time} >= ${bigint(between.from)}`]),
    ...(between.to === null ? [] : [`${from.time} < ${bigint(between.to)}`]),
  ];
  const where = tests.length === 0 ? '' : `\nWHERE ${tests.join(' AND ')}`;
  return `SELECT\n  ${selectList(select)}\nFROM ${compiler.step(from)}${where}`;
}
