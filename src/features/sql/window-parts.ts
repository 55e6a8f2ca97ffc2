import { ASKED, CHANGED, INGEST, TS } from '../plan/names.ts';
import type { WindowPartsPlan } from '../plan/window-parts.ts';
import { knownChanges } from './changed-partials.ts';
import type { Compiler } from './compile.ts';
import { eventPartsSql, foldSql, havingSql } from './part.ts';
import { latestSql } from './parts.ts';
import { columnsOf, onEqual } from './text.ts';
import { tiledPartsSql } from './tiled-parts.ts';

export function windowPartsSql(plan: WindowPartsPlan, compiler: Compiler): string {
  const { points, events, window, aggregate } = plan;
  const { dialect } = compiler;
  const changes = events.images !== null;
  const keys = points.keys.map(({ name }) => name);
  const point = [...keys, ASKED];
  const parts = compiler.add(
    'event_parts',
    eventPartsSql(aggregate, compiler.step(events), [...keys, TS, INGEST, ...(changes ? [CHANGED] : [])], dialect),
  );
  const joined = changes
    ? changedPartsSql(plan, parts, compiler)
    : tiledPartsSql({ points, window, aggregate, parts }, compiler);
  const folded = compiler.add(
    'folded_parts',
    `SELECT ${[...point, 'part', `${foldSql(aggregate, dialect)} AS val`].join(', ')}
FROM ${compiler.add('joined_parts', joined)}
GROUP BY ${[...point, 'part'].join(', ')}${havingSql(aggregate)}`,
  );
  const kept =
    aggregate.kind === 'lastN'
      ? compiler.add('latest_parts', latestSql(folded, point, aggregate.params.n ?? 1))
      : folded;
  return `SELECT ${point.join(', ')}, ${dialect.list('part', 'part')} AS parts, ${dialect.list('val', 'part')} AS vals
FROM ${kept}
GROUP BY ${point.join(', ')}`;
}

/** Changes of rows have no tiles that merge: a row may have changed at any time. */
function changedPartsSql({ points, window }: WindowPartsPlan, parts: string, compiler: Compiler): string {
  const keys = points.keys.map(({ name }) => name);
  const on = [onEqual('p', 'e', keys), `e.${TS} >= p.${window.from}`, ...knownChanges(points)];
  return `SELECT ${[...columnsOf('p', [...keys, ASKED]), 'e.part AS part', 'e.val AS val'].join(', ')}
FROM ${compiler.step(points)} AS p
JOIN ${parts} AS e ON ${on.join(' AND ')}`;
}
