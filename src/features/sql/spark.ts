import type { AsOfLookup } from '../plan/as-of.ts';
import { ASKED, TS } from '../plan/names.ts';
import type { PointsPlan } from '../plan/points.ts';
import { pointColumns } from './as-of.ts';
import type { Compiler, Writers } from './compile.ts';
import type { Dialect } from './dialect.ts';
import { standard } from './standard.ts';
import { double, onEqual, selectList } from './text.ts';

/**
 * Bounds stand among the rows of their key, each with the last row before it: one sort for all lookups in the same rows,
 * where the shared text has one, and two joins, for each.
 */
const lastSeen: Writers['asOf'] = ({ from, lookups }, compiler) => {
  const point = [...from.keys.map(({ name }) => name), ASKED];
  const numbered = lookups.map((lookup, index) => ({ ...lookup, held: `held_${index}` }));
  const groups = [...Map.groupBy(numbered, ({ in: rows, find }) => `${find} ${compiler.step(rows)}`).values()];
  const joins = groups.map(
    (group, g) =>
      `LEFT JOIN ${compiler.add('found', foundSql(from, group, compiler))} AS f${g} ON ${onEqual('p', `f${g}`, point)}`,
  );
  const taken = groups.flatMap((group, g) =>
    group.flatMap(({ held, take }) =>
      Object.entries(take).map(([name, column]) => `f${g}.${held}.${column} AS ${name}`),
    ),
  );
  return `SELECT
  ${selectList([...pointColumns(from), ...taken])}
FROM ${[`${compiler.step(from)} AS p`, ...joins].join('\n')}`;
};

/** The results of lookups of one kind in the same rows, each as a struct under its name. */
function foundSql(
  from: PointsPlan,
  group: readonly (AsOfLookup & { readonly held: string })[],
  compiler: Compiler,
): string {
  const [{ in: rows, find }] = group;
  const keys = from.keys.map(({ name }) => name).join(', ');
  const taken = [...new Set(group.flatMap(({ take }) => Object.values(take)))].join(', ');
  const seen = [
    `SELECT ${keys}, ${TS} AS bound, 1 AS is_row, CAST(NULL AS BIGINT) AS ${ASKED}, '' AS asks, STRUCT(${taken}) AS held FROM ${compiler.step(rows)}`,
    ...group.map(
      ({ bound, held }) =>
        `SELECT ${keys}, ${bound} AS bound, 0 AS is_row, ${ASKED}, '${held}' AS asks, NULL AS held FROM ${compiler.step(from)}`,
    ),
  ];
  // A bound sorts before a row of the same time.
  const order = find === 'lastBefore' ? 'bound, is_row' : 'bound DESC, is_row DESC';
  const found = group.map(({ held }) => `MAX(CASE WHEN asks = '${held}' THEN held END) AS ${held}`);
  return `SELECT ${[keys, ASKED, ...found].join(', ')}
FROM (
  SELECT ${keys}, ${ASKED}, is_row, asks, LAST_VALUE(held) IGNORE NULLS OVER (PARTITION BY ${keys} ORDER BY ${order} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS held
  FROM (
    ${seen.join('\n    UNION ALL\n    ')}
  ) AS u
) AS s
WHERE is_row = 0
GROUP BY ${keys}, ${ASKED}`;
}

/** Spark 4 with ANSI rules, over files: the shared text, arrays from 0, escapes by backslash, lists put in order behind their aggregate. */
export const spark: Dialect = {
  ...standard,
  name: 'spark',
  identifier: (name) => `\`${name.replaceAll('`', '``')}\``,
  // Two quotes are one on some versions and nothing on others; backslashes are escapes on all.
  text: (value) => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\0', '\\0')}'`,
  element: (embedding, place) => `${embedding}[${place}]`,
  beyond: (embedding, _length, most) =>
    `(ARRAY_MAX(${embedding}) > ${double(most)} OR ARRAY_MIN(${embedding}) < ${double(-most)})`,
  array: (numbers) => `ARRAY(${numbers.join(', ')})`,
  embeddingOf: (text) => `TRANSFORM(SPLIT(TRIM(BOTH '[]' FROM ${text}), ', '), number -> CAST(number AS DOUBLE))`,
  list: (value, order) =>
    `TRANSFORM(ARRAY_SORT(COLLECT_LIST(STRUCT(${order} AS place, ${value} AS held))), one -> one.held)`,
  writers: { asOf: lastSeen },
};
