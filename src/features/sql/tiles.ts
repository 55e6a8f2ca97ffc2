import { CHANGED, TS } from '../plan/names.ts';
import type { TilesPlan } from '../plan/tiles.ts';
import type { ViewEventsPlan } from '../plan/view-events.ts';
import type { Compiler } from './compile.ts';
import { updateSql } from './partial.ts';
import { bigint, floorSql, selectList } from './text.ts';

const EVENTS_PER_GENERATION = bigint(2n ** 40n);

export function tilesSql(plan: TilesPlan, compiler: Compiler): string {
  return groupedTilesSql(plan, [], compiler);
}

/** Tiles with further columns: aggregates over the same events. */
export function groupedTilesSql(
  { from, hopMs, generation, partials }: TilesPlan,
  more: readonly string[],
  compiler: Compiler,
): string {
  const keys = from.keys.map(({ name }) => name);
  const start = floorSql(TS, hopMs);
  const columns = [
    ...keys,
    `${start} AS tile_start`,
    'COUNT(*) AS n',
    `${versionSql(generation, 'COUNT(*)')} AS version`,
    `MAX(${seenSql(from)}) AS max_ts`,
    ...partials.map((partial) => `${updateSql(partial, compiler.dialect)} AS ${partial.name}`),
    ...more,
  ];
  return `SELECT\n  ${selectList(columns)}\nFROM ${compiler.step(from)}\nGROUP BY ${[...keys, start].join(', ')}`;
}

/** The instant that a tile has seen by an event: a change is seen when it happens, and counts at its row's time. */
export function seenSql({ images }: ViewEventsPlan): string {
  return images === null ? TS : `CASE WHEN ${CHANGED} > ${TS} THEN ${CHANGED} ELSE ${TS} END`;
}

/** `generation · 2^40 + n`. */
export function versionSql(generation: number, n: string): string {
  return `${bigint(generation)} * ${EVENTS_PER_GENERATION} + ${n}`;
}
