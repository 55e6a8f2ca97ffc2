import { TS } from '../plan/names.ts';
import type { RunningSumsPlan } from '../plan/running-sums.ts';
import type { Compiler } from './compile.ts';
import { selectList } from './text.ts';

export function runningSumsSql({ from, sums }: RunningSumsPlan, compiler: Compiler): string {
  const keys = from.from.keys.map(({ name }) => name);
  const over = `OVER (PARTITION BY ${keys.join(', ')} ORDER BY ${TS} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)`;
  const columns = [...keys, TS, ...sums.map((sum) => `SUM(${sum}) ${over} AS ${sum}`)];
  return `SELECT\n  ${selectList(columns)}\nFROM ${compiler.step(from)}`;
}
