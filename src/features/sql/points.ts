import { ASKED } from '../plan/names.ts';
import { BEGINNING, type PointsPlan, type PointWindow } from '../plan/points.ts';
import type { Compiler } from './compile.ts';
import { bigint, floorSql, selectList } from './text.ts';

export function pointsSql({ spine, keys, windows, latenessMs }: PointsPlan, compiler: Compiler): string {
  const names = keys.map(({ name }) => name);
  const columns = [
    ...names,
    ASKED,
    `${untilSql(latenessMs)} AS until`,
    ...windows.map((window) => `${fromSql(window)} AS ${window.from}`),
  ];
  const asked = keys.map(({ name, of }) => `${of} AS ${name}`);
  return `SELECT
  ${selectList(columns)}
FROM (
  SELECT DISTINCT ${[...asked, ASKED].join(', ')}
  FROM ${compiler.step(spine)}
  WHERE ${keys.map(({ of }) => `${of} IS NOT NULL`).join(' AND ')}
) AS d`;
}

/** An event before `q − lateness + 1` has arrived by q at the latest. */
function untilSql(latenessMs: number | null): string {
  return latenessMs === null || latenessMs <= 1 ? ASKED : `${ASKED} - ${bigint(latenessMs - 1)}`;
}

function fromSql({ windowMs, hopMs }: PointWindow): string {
  return windowMs === null ? bigint(BEGINNING) : floorSql(`(${ASKED} - ${bigint(windowMs)})`, hopMs);
}
