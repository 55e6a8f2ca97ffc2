import type { ScanPlan } from '../plan/scan.ts';
import type { Compiler } from './compile.ts';
import { selectList } from './text.ts';

export function scanSql({ relation, stored }: ScanPlan, { dialect }: Compiler): string {
  const columns = Object.entries(stored).map(([name, column]) => `s.${dialect.identifier(column)} AS ${name}`);
  return `SELECT\n  ${selectList(columns)}\nFROM ${relation} AS s`;
}
