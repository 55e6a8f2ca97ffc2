import { ID, INGEST, TS } from '../plan/names.ts';
import type { ViewEventsPlan } from '../plan/view-events.ts';
import type { Compiler } from './compile.ts';
import { expressionSql } from './expression.ts';
import { selectList } from './text.ts';

export function viewEventsSql({ from, source, keys, inputs }: ViewEventsPlan, compiler: Compiler): string {
  const columns = [
    ...keys.map(({ name, of }) => `${of} AS ${name}`),
    `${from.id} AS ${ID}`,
    `${from.time} AS ${TS}`,
    INGEST,
    ...inputs.map(({ name, expression }) => `${expressionSql(expression, source, compiler.dialect)} AS ${name}`),
  ];
  const present = keys.map(({ of }) => `${of} IS NOT NULL`);
  return `SELECT\n  ${selectList(columns)}\nFROM ${compiler.step(from)}\nWHERE ${present.join(' AND ')}`;
}
