import { ASKED, INGEST } from '../plan/names.ts';
import { type Arrived, BEGINNING, type PointsPlan, type PointWindow } from '../plan/points.ts';
import type { Compiler } from './compile.ts';
import { bigint, floorSql, selectList } from './text.ts';

export function pointsSql({ spine, keys, windows, arrived }: PointsPlan, compiler: Compiler): string {
  const names = keys.map(({ name }) => name);
  const columns = [
    ...names,
    ASKED,
    `${untilSql(arrived)} AS until`,
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

/** Whether an event e had arrived for the point p. */
export function arrivedTests({ arrived }: PointsPlan): readonly string[] {
  return arrived === null ? [] : [`e.${INGEST} ${arrived.test} p.${ASKED}`];
}

/** An event before `q − lateness + 1` has arrived by q at the latest, and one before `q − lateness` before it. */
function untilSql(arrived: Arrived | null): string {
  const back = arrived === null ? 0 : arrived.latenessMs - (arrived.test === '<=' ? 1 : 0);
  return back <= 0 ? ASKED : `${ASKED} - ${bigint(back)}`;
}

function fromSql({ windowMs, hopMs }: PointWindow): string {
  return windowMs === null ? bigint(BEGINNING) : floorSql(`(${ASKED} - ${bigint(windowMs)})`, hopMs);
}
