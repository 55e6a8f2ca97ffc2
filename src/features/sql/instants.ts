import type { InstantsPlan } from '../plan/instants.ts';
import { TS } from '../plan/names.ts';
import type { Compiler } from './compile.ts';
import { updateSql } from './partial.ts';
import { selectList } from './text.ts';

export function instantsSql({ from, partials }: InstantsPlan, compiler: Compiler): string {
  const group = [...from.keys.map(({ name }) => name), TS];
  const columns = [
    ...group,
    'COUNT(*) AS n',
    ...partials.map((partial) => `${updateSql(partial, compiler.dialect)} AS ${partial.name}`),
  ];
  return `SELECT\n  ${selectList(columns)}\nFROM ${compiler.step(from)}\nGROUP BY ${group.join(', ')}`;
}
