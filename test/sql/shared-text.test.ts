import { expect, test } from 'vitest';
import type { BatchViewData, FeatureServiceData } from '../../src/features/define/declaration.ts';
import { rawTable } from '../../src/features/plan/raw-table.ts';
import type { ReadMode } from '../../src/features/plan/stream-read.ts';
import { duckdb } from '../../src/features/sql/duckdb.ts';
import { acceptedEventsQuery } from '../../src/features/sql/event-queries.ts';
import { pointInTimeQuery } from '../../src/features/sql/point-in-time.ts';
import { spark } from '../../src/features/sql/spark.ts';
import { standard } from '../../src/features/sql/standard.ts';
import { tileQueries } from '../../src/features/sql/tile-queries.ts';
import { aggregate, column, float, int, serviceOf, sourceOf, text, viewOf } from './declare.ts';
import { relationOf } from './duckdb.ts';
import { everyAggregate, source } from './streams.ts';

/** What engines read differently (or not at all): none of it may stand in the text that all of them share. */
const FORBIDDEN: Readonly<Record<string, RegExp>> = {
  'AVG, VAR, STDDEV': /\b(AVG|VAR_POP|VAR_SAMP|VARIANCE|STDDEV\w*)\b/i,
  'the operators != and &': /!=|[^|]\|[^|]|&/,
  '% and // and ::': /%|\/\/|::/,
  'VARCHAR and TEXT': /\b(VARCHAR|TEXT)\b/i,
  'HUGEINT and TIMESTAMP': /\b(HUGEINT|TIMESTAMP)\b/i,
  'GREATEST, LEAST, CONCAT, CEIL': /\b(GREATEST|LEAST|CONCAT|CEIL)\b/i,
  // The floor of a whole number is a double on some engines; that of a double is cast at once, since its type differs.
  'FLOOR but of a double, cast': /(?<!CAST\()\bFLOOR\b|FLOOR\((?!i_\d+\[\d+\] \* CAST\()/i,
  'functions of one engine': /\b(ARG_MAX|MAX_BY|HISTOGRAM|LISTAGG|COLLECT|APPROX_\w+\(|REGEXP_\w+|EPOCH_MS)\b/i,
  'MOD without a 64-bit divisor': /MOD\((?:[^()]|\([^()]*\))*, (?!CAST\(|CASE )/,
  'a substring from 0': /SUBSTRING\([^,]*, 0/,
  'ASOF and RANGE': /\b(ASOF|RANGE|QUALIFY|LATERAL)\b/i,
  'a backslash': /\\/,
};

const view = viewOf(source, { k1: 'tenant', k2: 'user' }, everyAggregate, [
  { name: '5m', windowMs: 300_000, hopMs: 15_000 },
  { name: '14d', windowMs: 14 * 86_400_000, hopMs: 14 * 86_400_000 },
]);
const relation = relationOf(rawTable(source));

function everyText(): Readonly<Record<string, string>> {
  const texts: Record<string, string> = { accepted: acceptedEventsQuery(source, relation, standard) };
  for (const hopMs of view.hopsMs) {
    const { tiles, parts } = tileQueries(view, hopMs, { dialect: standard, relation, generation: 1 });
    texts[`tiles ${hopMs}`] = tiles;
    for (const [name, sql] of Object.entries(parts)) texts[`parts ${name} ${hopMs}`] = sql;
  }
  return texts;
}

test.each(Object.entries(FORBIDDEN))('tile SQL has no %s', (_, pattern) => {
  for (const [name, sql] of Object.entries(everyText())) expect(sql, name).not.toMatch(pattern);
});

test('every sub-query has an alias', () => {
  for (const [name, sql] of Object.entries(everyText())) {
    // A closing parenthesis at the start of a line ends a step (`),` or before the last SELECT) or a sub-query.
    expect(sql.match(/\n\s+\)(?! AS \w)/g) ?? [], name).toEqual([]);
  }
});

test('declared names stand in the text only where tables are read, quoted', () => {
  const odd = sourceOf({ user: text, select: int }, { name: 'odd' });
  const oddView = viewOf(
    odd,
    { group: 'user' },
    [aggregate('order', 'sum', column('select'), int)],
    [{ name: '5m', windowMs: 300_000, hopMs: 15_000 }],
  );
  const { tiles } = tileQueries(oddView, 15_000, { dialect: standard, relation: 't', generation: 0 });
  // The table is read twice: its deliveries, and those of them that have no verdict.
  const quoted = [...new Set(tiles.match(/"[^"]*"/g))];
  expect(quoted).toEqual([
    '"id"',
    '"at"',
    '"user"',
    '"select"',
    '"_ingest_ts"',
    '"_partition"',
    '"_offset"',
    '"_verdict"',
  ]);
  expect(tiles.replaceAll(/"[^"]*"/g, '')).not.toMatch(/(?<![\w_])(user|select)(?![\w_])/);
});

/** Flights in small: two lookups of a stream view and one of a batch view. */
const departures = sourceOf(
  { origin: text, destination: text, delay: int },
  { name: 'departures', latenessMs: 3_600_000, futureSkewMs: 60_000 },
);
const late = { kind: 'compare', op: 'gt', left: column('delay'), right: { kind: 'literal', value: 15 } } as const;
const byOrigin = viewOf(
  departures,
  { airport: 'origin' },
  [
    aggregate('flights', 'count'),
    aggregate('mean_delay', 'mean', column('delay'), int),
    aggregate('late_share', 'share', late, { type: 'bool', nullable: true }),
    aggregate('max_delay', 'max', column('delay'), int),
    aggregate('last_delay', 'last', column('delay'), int),
  ],
  [
    { name: '1h', windowMs: 3_600_000, hopMs: 300_000 },
    { name: '1d', windowMs: 86_400_000, hopMs: 3_600_000 },
  ],
);
const history: BatchViewData = {
  kind: 'batchView',
  name: 'history',
  version: 1,
  entity: { kind: 'entity', name: 'airport', key: { airport: text } },
  schedule: '0 3 * * *',
  freshnessMs: 86_400_000,
  reads: { departures },
  features: { mean_delay: float },
  sql: { kind: 'sql', text: '' },
};
const service: FeatureServiceData = {
  ...serviceOf(byOrigin),
  request: { origin: text, destination: text },
  lookups: [
    {
      alias: 'origin',
      view: byOrigin,
      key: { airport: 'origin' },
      features: byOrigin.features.map(({ name }) => name),
    },
    { alias: 'history', view: history, key: { airport: 'origin' }, features: ['mean_delay'] },
  ],
};

function pointInTime(mode: ReadMode, dialect: typeof duckdb): string {
  const options = { service, spine: 'spine', mode, counts: false, dialect };
  return pointInTimeQuery({ ...options, deliveriesOf: () => 'departures', generationsOf: () => 'history' }).sql;
}

test('the texts are as they were read over', async () => {
  const tiles = tileQueries(byOrigin, 3_600_000, { dialect: standard, relation: 'departures', generation: 0 }).tiles;
  const approx = viewOf(
    departures,
    { airport: 'origin' },
    [aggregate('routes', 'approxDistinct', column('destination'), text)],
    [{ name: '1d', windowMs: 86_400_000, hopMs: 3_600_000 }],
  );
  const { parts } = tileQueries(approx, 3_600_000, { dialect: standard, relation: 'departures', generation: 0 });
  await expect(tiles).toMatchFileSnapshot('golden/tiles.sql');
  await expect(parts.routes).toMatchFileSnapshot('golden/approx-distinct-parts.sql');
  await expect(pointInTime('corrected', standard)).toMatchFileSnapshot('golden/point-in-time.standard.sql');
  await expect(pointInTime('corrected', duckdb)).toMatchFileSnapshot('golden/point-in-time.duckdb.sql');
  await expect(pointInTime('corrected', spark)).toMatchFileSnapshot('golden/point-in-time.spark.sql');
  await expect(pointInTime('as-known', duckdb)).toMatchFileSnapshot('golden/point-in-time-as-known.duckdb.sql');
});
