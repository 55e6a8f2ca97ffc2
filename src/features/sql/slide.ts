import { ASKED, CHANGED, ID, INGEST, SIGN, TS } from '../plan/names.ts';
import type { SlidePlan } from '../plan/slide.ts';
import type { Compiler } from './compile.ts';
import { bigint, selectList } from './text.ts';

export function slideSql({ points, events, inputs, ids }: SlidePlan, compiler: Compiler): string {
  const keys = points.keys.map(({ name }) => name);
  const own = [TS, ...(ids ? [ID] : []), ...(events.images === null ? [] : [SIGN]), ...inputs];
  const present = inputs.map((input) => `${input} IS NOT NULL`).join(' OR ');
  return `SELECT\n  ${selectList([...keys, 't', ...own])}
FROM (
  SELECT ${[...keys, `${beginsSql(points, events.images !== null)} AS t`, ...own].join(', ')}
  FROM ${compiler.step(events)}
  WHERE ${present}
  UNION ALL
  SELECT ${[...keys, `${ASKED} AS t`, ...own.map((name) => `NULL AS ${name}`)].join(', ')}
  FROM ${compiler.step(points)}
) AS u
ORDER BY ${[...keys, 't', `CASE WHEN ${TS} IS NULL THEN 1 ELSE 0 END`].join(', ')}`;
}

/** The least instant at which an event counts: after its time, after the change, and once it has arrived. */
function beginsSql({ arrived }: SlidePlan['points'], changes: boolean): string {
  const bounds = [`${TS} + ${bigint(1)}`];
  if (changes) bounds.push(`${CHANGED} + ${bigint(1)}`);
  if (arrived !== null) bounds.push(arrived.test === '<=' ? INGEST : `${INGEST} + ${bigint(1)}`);
  return bounds.reduce((greatest, bound) => `CASE WHEN ${bound} > ${greatest} THEN ${bound} ELSE ${greatest} END`);
}
