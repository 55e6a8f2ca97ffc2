import type { ScanPlan } from '../plan/scan.ts';
import type { Compiler } from './compile.ts';
import { selectList } from './text.ts';

export function scanSql({ relation, stored, without }: ScanPlan, { dialect }: Compiler): string {
  const columns = Object.entries(stored).map(([name, column]) => `s.${dialect.identifier(column)} AS ${name}`);
  const where = without === undefined ? '' : `\nWHERE s.${dialect.identifier(without)} IS NULL`;
  return `SELECT\n  ${selectList(columns)}\nFROM ${relation} AS s${where}`;
}
