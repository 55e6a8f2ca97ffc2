import { TS } from '../plan/names.ts';
import type { PresentPlan } from '../plan/present.ts';
import type { Compiler } from './compile.ts';

export function presentSql({ from, column }: PresentPlan, compiler: Compiler): string {
  const columns = [...from.from.keys.map(({ name }) => name), TS, column];
  return `SELECT ${columns.join(', ')}\nFROM ${compiler.step(from)}\nWHERE ${column} IS NOT NULL`;
}
