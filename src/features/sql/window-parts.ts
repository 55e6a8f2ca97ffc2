import { ASKED, CHANGED, INGEST, TS } from '../plan/names.ts';
import type { WindowPartsPlan } from '../plan/window-parts.ts';
import { bucketJoin } from './bucket-join.ts';
import { knownChanges } from './changed-partials.ts';
import type { Compiler } from './compile.ts';
import { eventPartsSql, foldSql, havingSql } from './part.ts';
import { latestSql } from './parts.ts';
import { arrivedTests } from './points.ts';
import { columnsOf, onEqual } from './text.ts';

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
  const { left, right, on } = changes
    ? { left: compiler.step(points), right: parts, on: [`e.${TS} >= p.${window.from}`] }
    : bucketJoin(compiler.step(points), parts, [window], compiler);
  const known = changes ? knownChanges(points) : [`e.${TS} < p.${ASKED}`, ...arrivedTests(points)];
  const group = columnsOf('p', point).join(', ');
  const folded = compiler.add(
    'folded_parts',
    `SELECT ${group}, e.part, ${foldSql(aggregate, dialect)} AS val
FROM ${left} AS p
JOIN ${right} AS e ON ${[onEqual('p', 'e', keys), ...on, ...known].join(' AND ')}
GROUP BY ${group}, e.part${havingSql(aggregate)}`,
  );
  const kept =
    aggregate.kind === 'lastN'
      ? compiler.add('latest_parts', latestSql(folded, point, aggregate.params.n ?? 1))
      : folded;
  return `SELECT ${point.join(', ')}, ${dialect.list('part', 'part')} AS parts, ${dialect.list('val', 'part')} AS vals
FROM ${kept}
GROUP BY ${point.join(', ')}`;
}
