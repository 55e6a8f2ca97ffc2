import type { WholeTilesPlan } from '../plan/whole-tiles.ts';
import type { Compiler } from './compile.ts';
import { partElementSql } from './part.ts';
import { groupedTilesSql } from './tiles.ts';

export function wholeTilesSql({ tiles, parts }: WholeTilesPlan, compiler: Compiler): string {
  const { dialect } = compiler;
  const multisets = parts.map(
    ({ name, aggregate }) => `${dialect.multiset(partElementSql(aggregate, dialect))} AS ${name}`,
  );
  return groupedTilesSql(tiles, multisets, compiler);
}
