import type { GenerationPlan } from '../plan/generation.ts';
import { ASKED } from '../plan/names.ts';
import type { Compiler } from './compile.ts';
import { columnsOf, onEqual, selectList } from './text.ts';

/** Each generation is visible until the next one is: an instant has one generation, whether or not the key is in it. */
export function generationSql({ spine, keys, table, features }: GenerationPlan, compiler: Compiler): string {
  const rows = compiler.step(table);
  const names = keys.map(({ name }) => name);
  const spans = compiler.add(
    'spans',
    `SELECT generation, as_of, visible_from, LEAD(visible_from) OVER (ORDER BY visible_from, generation) AS visible_until
FROM (SELECT DISTINCT generation, as_of, visible_from FROM ${rows}) AS g`,
  );
  const asked = compiler.add(
    'asked',
    `SELECT DISTINCT ${[...keys.map(({ name, of }) => `${of} AS ${name}`), ASKED].join(', ')}
FROM ${compiler.step(spine)}
WHERE ${keys.map(({ of }) => `${of} IS NOT NULL`).join(' AND ')}`,
  );
  const instants = compiler.add(
    'spans_of_instants',
    `SELECT d.${ASKED}, s.generation, s.as_of
FROM (SELECT DISTINCT ${ASKED} FROM ${asked}) AS d
JOIN ${spans} AS s ON s.visible_from <= d.${ASKED} AND (s.visible_until IS NULL OR s.visible_until > d.${ASKED})`,
  );
  const columns = [
    ...columnsOf('p', [...names, ASKED]),
    ...columnsOf('i', ['generation', 'as_of']),
    ...columnsOf('t', features),
  ];
  return `SELECT\n  ${selectList(columns)}
FROM ${asked} AS p
JOIN ${instants} AS i ON i.${ASKED} = p.${ASKED}
LEFT JOIN ${rows} AS t ON ${onEqual('p', 't', names)} AND t.generation = i.generation`;
}
