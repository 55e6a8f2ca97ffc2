import { TS } from '../plan/names.ts';
import type { PartsPlan } from '../plan/parts.ts';
import type { Compiler } from './compile.ts';
import { eventPartsSql, foldSql, havingSql } from './part.ts';
import { columnsOf, floorSql, onEqual, selectList } from './text.ts';
import { versionSql } from './tiles.ts';

/** Parts carry the version of their tile, whose n counts every event of it, those without a part as well. */
export function partsSql({ from, hopMs, generation, aggregate }: PartsPlan, compiler: Compiler): string {
  const events = compiler.step(from);
  const keys = from.keys.map(({ name }) => name);
  const tile = [...keys, 'tile_start'];
  const start = floorSql(TS, hopMs);
  const counts = `SELECT ${keys.join(', ')}, ${start} AS tile_start, COUNT(*) AS n FROM ${events} GROUP BY ${[...keys, start].join(', ')}`;
  const counted = compiler.add('tile_counts', counts);
  const named = compiler.add('event_parts', eventPartsSql(aggregate, events, [...keys, TS], compiler.dialect));
  const ofTiles = `SELECT ${keys.join(', ')}, ${start} AS tile_start, part, ${foldSql(aggregate, compiler.dialect)} AS val
FROM ${named}
GROUP BY ${[...keys, start, 'part'].join(', ')}${havingSql(aggregate)}`;
  const folded = compiler.add('tile_parts', ofTiles);
  const kept =
    aggregate.kind === 'lastN'
      ? compiler.add('latest_parts', latestSql(folded, tile, aggregate.params.n ?? 1))
      : folded;
  const columns = [
    ...columnsOf('p', tile),
    `${versionSql(generation, 'c.n')} AS version`,
    'p.part',
    'p.val AS part_value',
  ];
  return `SELECT\n  ${selectList(columns)}\nFROM ${kept} AS p\nJOIN ${counted} AS c ON ${onEqual('p', 'c', tile)}`;
}

/** The `most` greatest parts of each group. */
export function latestSql(from: string, group: readonly string[], most: number): string {
  const columns = [...group, 'part', 'val'].join(', ');
  return `SELECT ${columns}
FROM (
  SELECT ${columns}, ROW_NUMBER() OVER (PARTITION BY ${group.join(', ')} ORDER BY part DESC) AS place
  FROM ${from}
) AS r
WHERE place <= ${most}`;
}
