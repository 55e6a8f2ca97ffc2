import { ASKED, TS } from '../plan/names.ts';
import { pointColumns, takenColumns } from './as-of.ts';
import type { Writers } from './compile.ts';
import type { Dialect } from './dialect.ts';
import { mergeSql } from './partial.ts';
import { sumOverSql } from './running-sums.ts';
import { standard } from './standard.ts';
import { double, onEqual, selectList } from './text.ts';

const asOfJoins: Writers['asOf'] = ({ from, lookups }, compiler) => {
  const keys = from.keys.map(({ name }) => name);
  const joins = lookups.map(({ in: rows, bound, find }, index) => {
    const alias = `l${index}`;
    const order = find === 'lastBefore' ? `p.${bound} > ${alias}.${TS}` : `p.${bound} <= ${alias}.${TS}`;
    return `ASOF LEFT JOIN ${compiler.step(rows)} AS ${alias} ON ${onEqual('p', alias, keys)} AND ${order}`;
  });
  const columns = [...pointColumns(from), ...takenColumns(lookups)];
  return `SELECT\n  ${selectList(columns)}\nFROM ${[`${compiler.step(from)} AS p`, ...joins].join('\n')}`;
};

/**
 * A frame from the first row to each would cost a tree walk per row and sum. Over sorted rows, whose order DuckDB
 * guarantees to keep, a window without ORDER BY costs one addition per row; the sum before the key's first row is subtracted.
 */
const streamedSums: Writers['runningSums'] = ({ from, sums }, compiler) => {
  const keys = from.from.keys.map(({ name }) => name);
  const names = sums.map(({ name }) => name);
  const sorted = `SELECT ${[...keys, TS, ...names].join(', ')} FROM ${compiler.step(from)} ORDER BY ${[...keys, TS].join(', ')}`;
  const running = sums.flatMap((sum) => [
    `${sumOverSql(sum, 'OVER w')} AS ${sum.name}`,
    `COALESCE(${sum.name}, 0) AS own_${sum.name}`,
  ]);
  const all = compiler.add(
    'sums_of_all',
    `SELECT ${[...keys, TS, ...running].join(', ')}
FROM (${sorted}) AS o
WINDOW w AS (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)`,
  );
  const before = names.map((sum) => `ARG_MIN(COALESCE(${sum}, 0) - own_${sum}, ${TS}) AS ${sum}`);
  const earlier = compiler.add(
    'sums_of_earlier',
    `SELECT ${[...keys, ...before].join(', ')}\nFROM ${all}\nGROUP BY ${keys.join(', ')}`,
  );
  const own = names.map((sum) => `a.${sum} - e.${sum} AS ${sum}`);
  return `SELECT\n  ${selectList([...keys.map((key) => `a.${key}`), `a.${TS}`, ...own])}
FROM ${all} AS a
JOIN ${earlier} AS e ON ${onEqual('a', 'e', keys)}`;
};

/** Points stand among the instants of their key; each looks back over a frame from its own bound to before its `until`. */
const frames: Writers['extremes'] = ({ points, instants, columns }, compiler) => {
  const keys = points.keys.map(({ name }) => name);
  const partials = [...new Map(columns.map(({ partial }) => [partial.name, partial])).values()];
  const windows = points.windows.filter(({ from }) => columns.some((column) => column.from === from));
  const bounds = windows.map(({ from }) => from);
  const instantColumns = [
    ...keys,
    `${TS} AS t`,
    `NULL AS ${ASKED}`,
    'NULL AS until',
    ...bounds.map((from) => `NULL AS ${from}`),
  ];
  const pointColumns = [...keys, `${ASKED} AS t`, ASKED, 'until', ...bounds];
  const framed = columns.map(
    ({ name, partial, from }) => `${mergeSql(partial, partial.name, compiler.dialect)} OVER ${from}_frame AS ${name}`,
  );
  const frame = (from: string) =>
    `${from}_frame AS (PARTITION BY ${keys.join(', ')} ORDER BY t RANGE BETWEEN (COALESCE(t - ${from}, 0)) PRECEDING AND (COALESCE(t - until, 0) + 1) PRECEDING)`;
  return `SELECT ${[...keys, ASKED, ...columns.map(({ name }) => name)].join(', ')}
FROM (
  SELECT ${[...keys, ASKED, ...framed].join(', ')}
  FROM (
    SELECT ${[...instantColumns, ...partials.map(({ name }) => name)].join(', ')} FROM ${compiler.step(instants)}
    UNION ALL
    SELECT ${[...pointColumns, ...partials.map(({ name }) => `NULL AS ${name}`)].join(', ')} FROM ${compiler.step(points)}
  ) AS u
  WINDOW ${windows.map(({ from }) => frame(from)).join(',\n    ')}
) AS f
WHERE ${ASKED} IS NOT NULL`;
};

/** DuckDB: the shared text, but as-of joins and frames of variable length, which it has and runs well. */
export const duckdb: Dialect = {
  ...standard,
  name: 'duckdb',
  // DuckDB reads no escapes in a plain literal, so backslashes are themselves.
  text: (value) => `'${value.replaceAll("'", "''").replaceAll('\0', "' || CHR(0) || '")}'`,
  floatText,
  beyond: (embedding, _length, most) =>
    `(LIST_MAX(${embedding}) > ${double(most)} OR LIST_MIN(${embedding}) < ${double(-most)})`,
  embeddingOf: (text) => `CAST(${text} AS DOUBLE[])`,
  // HUGEINT ends at 1.7·10^38.
  exactSpread: (n, squares, total) =>
    `CAST(${n} AS HUGEINT) * CAST(${squares} AS HUGEINT) - CAST(${total} AS HUGEINT) * CAST(${total} AS HUGEINT)`,
  // A cast of a wide number rounds twice; its text is rounded once.
  toDouble: (sql) =>
    `CASE WHEN ${sql} BETWEEN -9007199254740992 AND 9007199254740992 THEN CAST(${sql} AS DOUBLE) ELSE CAST(CAST(${sql} AS STRING) AS DOUBLE) END`,
  timestampMs: (sql) => `CAST(EPOCH_MS(${sql}) AS BIGINT)`,
  multiset: (sql) => `HISTOGRAM(${sql})`,
  writers: { runningSums: streamedSums, asOf: asOfJoins, extremes: frames },
};

/**
 * The text that ECMAScript gives for a double: DuckDB writes the same shortest digits, but `1.0` for 1, `1e+16` from 10^16 on
 * (ECMAScript: from 10^21) and `1e-05` below 10^-4 (ECMAScript: `1e-7` below 10^-6).
 */
function floatText(sql: string): string {
  const text = `CAST(${sql} AS STRING)`;
  const digits = `REPLACE(REGEXP_EXTRACT(${text}, '^-?([0-9.]+)', 1), '.', '')`;
  const power = `CAST(REGEXP_EXTRACT(${text}, 'e(.*)$', 1) AS INTEGER)`;
  const sign = `CASE WHEN ${sql} < 0 THEN '-' ELSE '' END`;
  const exponent = `REGEXP_REPLACE(REGEXP_REPLACE(${text}, 'e([+-])0', 'e\\1'), '\\.0e', 'e')`;
  return `CASE
    WHEN NOT CONTAINS(${text}, 'e') THEN REGEXP_REPLACE(${text}, '\\.0$', '')
    WHEN ABS(${sql}) >= 1e21 OR ABS(${sql}) < 1e-6 THEN ${exponent}
    WHEN ABS(${sql}) >= 1 THEN ${sign} || RPAD(${digits}, ${power} + 1, '0')
    ELSE ${sign} || '0.' || REPEAT('0', -${power} - 1) || ${digits}
  END`;
}
