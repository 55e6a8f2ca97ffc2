import { TS } from '../plan/names.ts';
import type { Partial } from '../plan/partial.ts';
import type { RunningSumsPlan } from '../plan/running-sums.ts';
import type { Compiler } from './compile.ts';
import { selectList } from './text.ts';

export function runningSumsSql({ from, sums }: RunningSumsPlan, compiler: Compiler): string {
  const keys = from.from.keys.map(({ name }) => name);
  const over = `OVER (PARTITION BY ${keys.join(', ')} ORDER BY ${TS} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)`;
  const columns = [...keys, TS, ...sums.map((sum) => `${sumOverSql(sum, over)} AS ${sum.name}`)];
  return `SELECT\n  ${selectList(columns)}\nFROM ${compiler.step(from)}`;
}

/** A running sum in the column's own type. */
export function sumOverSql({ name, type }: Partial, over: string): string {
  const sum = `SUM(${name}) ${over}`;
  return type === 'BIGINT' ? `CAST(${sum} AS BIGINT)` : sum;
}
