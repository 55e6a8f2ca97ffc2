import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import type { StreamViewData } from '../../src/features/define/declaration.ts';
import { valueDecoder } from '../../src/features/sql/decode.ts';
import { duckdb } from '../../src/features/sql/duckdb.ts';
import type { OfflineStore } from '../../src/ports/offline-store.ts';
import type { Columns, Value } from '../../src/schema/column.ts';
import { aggregate, bool, column, decimal, float, int, int64, sourceOf, text, viewOf } from '../sql/declare.ts';
import type { LoggedDelivery } from '../sql/duckdb.ts';
import { everyAggregate, source, stream } from '../sql/streams.ts';
import { golden } from '../tiles/golden-view.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A view and the deliveries of its source, in log order, some at a time. */
export interface ParityDefinition {
  readonly name: string;
  readonly view: StreamViewData;
  /** Whether events arrive in the order of their ingest times. */
  readonly inOrder?: boolean;
  readonly deliveries: (offline: OfflineStore) => AsyncIterable<readonly LoggedDelivery[]>;
}

const hops = (...lengths: readonly number[]) =>
  lengths.map((hopMs) => ({ name: `w${hopMs}`, windowMs: 12 * hopMs, hopMs }));

/** Its own source, so that every history has one table for each. */
function named(name: string, view: StreamViewData): StreamViewData {
  return { ...view, name, source: { ...view.source, name } };
}

/** Several random streams one after the other, with ids and keys of their own. */
export function streams(count: number, seed: number): readonly LoggedDelivery[] {
  return fc.sample(stream, { numRuns: count, seed }).flatMap((deliveries, i) =>
    deliveries.map((delivery): LoggedDelivery => {
      const [id, ts, tenant, ...rest] = delivery.row;
      const name = `${i}-${String(id)}`;
      const row = [name, ts, tenant === null ? null : `${i}:${String(tenant)}`, ...rest];
      return { ...delivery, id: name, row, offset: i * 1_000 + delivery.offset };
    }),
  );
}

const random: ParityDefinition = {
  name: 'random streams: every aggregate over every type, hops of 1 s and 14 days, times around 0, keys of two columns',
  view: named('random', viewOf(source, { k1: 'tenant', k2: 'user' }, everyAggregate, hops(1_000, 14 * DAY))),
  async *deliveries() {
    yield streams(150, 7);
  },
};

/** What the golden files ask of an integer value and a category. */
function ofValue(value: typeof int | typeof int64, most: number) {
  return [
    aggregate('count_rows', 'count'),
    aggregate('count_value', 'count', column('value'), value),
    aggregate('sum', 'sum', column('value'), value),
    aggregate('min', 'min', column('value'), value),
    aggregate('max', 'max', column('value'), value),
    aggregate('first', 'first', column('value'), value),
    aggregate('last', 'last', column('value'), value),
    aggregate('last_3', 'lastN', column('value'), value, { n: 3 }),
    aggregate('last_cat', 'last', column('cat'), text),
    aggregate('distinct_cat', 'distinct', column('cat'), text, { cap: 1000 }),
    aggregate('top_cat', 'topK', column('cat'), text, { k: most, cap: 1000 }),
    aggregate('top_cat_counts', 'topKCounts', column('cat'), text, { k: most, cap: 1000 }),
    aggregate('most_of_days', 'maxOfDays', column('value'), value),
    aggregate('median_of_days', 'quantileOfDays', column('value'), value, { q: 0.5 }),
    aggregate('mean_of_days', 'meanOfDays', { kind: 'literal', value: 1 }, int),
    aggregate('variance', 'variancePop', column('value'), value),
    aggregate('p90', 'quantile', column('value'), value, { q: 0.9 }),
    aggregate('approx_cat', 'approxDistinct', column('cat'), text),
  ];
}

const sawtooth: ParityDefinition = {
  name: 'sawtooth_golden.json: hops of 5 min, 1 h and 1 day, arrival out of order',
  view: named(
    'sawtooth',
    viewOf(
      sourceOf({ key: text, value: int, cat: text }),
      { key: 'key' },
      ofValue(int, 3),
      hops(5 * MINUTE, HOUR, DAY),
    ),
  ),
  async *deliveries() {
    const { events } = golden<{
      events: { id: string; key: string; ts: number; value: number | null; cat: string | null }[];
    }>('sawtooth_golden');
    yield events.map(({ id, key, ts, value, cat }, offset) => ({
      ...{ id, ts, ingestTs: ts, partition: 0, offset },
      row: [id, ts, key, value, cat],
    }));
  },
};

const faults: ParityDefinition = {
  name: 'delivery_faults_golden.json: redeliveries, late and early events, keys of two columns, int64',
  view: named(
    'faults',
    viewOf(
      sourceOf({ tenant: text, user: text, value: int64, cat: text }, { latenessMs: 600_000, futureSkewMs: 60_000 }),
      { tenant: 'tenant', user: 'user' },
      ofValue(int64, 2),
      hops(5 * MINUTE, HOUR, DAY),
    ),
  ),
  async *deliveries() {
    const data = golden<{
      deliveries: {
        id: string;
        tenant: string;
        user: string;
        ts: number;
        ingest_ts: number;
        value: string | null;
        cat: string | null;
      }[];
    }>('delivery_faults_golden');
    yield data.deliveries.map(({ id, tenant, user, ts, ingest_ts, value, cat }, offset) => ({
      ...{ id, ts, ingestTs: ingest_ts, partition: 0, offset },
      row: [id, ts, tenant, user, value === null ? null : BigInt(value), cat],
    }));
  },
};

/** Deliveries that are published at a time. */
const BATCH = 250_000;

/** Deliveries of a query that gives the declared columns in order; each arrived when it happened. */
function fromSql(columns: Columns, sql: string): ParityDefinition['deliveries'] {
  return async function* (offline) {
    const decoders = Object.values(columns).map(valueDecoder);
    let offset = 0;
    let batch: LoggedDelivery[] = [];
    for await (const rows of offline.query(sql)) {
      for (const cells of rows) {
        const row: readonly Value[] = decoders.map((decode, i) => decode(cells[i]));
        const ts = Number(row[1]);
        batch.push({ id: String(row[0]), ts, ingestTs: ts, partition: 0, offset, row });
        offset += 1;
      }
      if (batch.length < BATCH) continue;
      yield batch;
      batch = [];
    }
    yield batch;
  };
}

function sqlDefinition(name: string, short: string, view: StreamViewData, sql: string): ParityDefinition {
  return { name, view: named(short, view), deliveries: fromSql(view.source.columns, sql) };
}

const registers = sqlDefinition(
  'hll_md5_p12_registers.json: 100,000 different values',
  'registers',
  viewOf(
    sourceOf({ key: text, user: text }),
    { key: 'key' },
    [aggregate('users', 'approxDistinct', column('user'), text)],
    hops(HOUR),
  ),
  `SELECT CAST(i AS STRING), CAST(0 AS BIGINT), 'k', 'user_' || i FROM range(100000) AS r(i)`,
);

const flightsFile = fileURLToPath(new URL('../../node_modules/vega-datasets/data/flights-3m.parquet', import.meta.url));

export const flights = sqlDefinition(
  'flights: 3,000,000 departures in hourly tiles of their origin',
  'flights',
  viewOf(
    sourceOf({ origin: text, delay: int }),
    { origin: 'origin' },
    [
      aggregate('delay', 'sum', column('delay'), int),
      aggregate('least', 'min', column('delay'), int),
      aggregate('greatest', 'max', column('delay'), int),
    ],
    [{ name: '1d', windowMs: DAY, hopMs: HOUR }],
  ),
  `SELECT CAST(ROW_NUMBER() OVER () AS STRING), ${duckdb.timestampMs('date')}, origin, CAST(delay AS BIGINT) FROM read_parquet('${flightsFile}')`,
);

/** Events of thirty days, half of them of one key, one in a thousand delivered again with other content. */
export function generated(events: number): ParityDefinition {
  const source = sourceOf(
    { key: text, value: int, amount: decimal(2), kind: text, ratio: float, ok: bool },
    { latenessMs: 10 * MINUTE, futureSkewMs: MINUTE },
  );
  const aggregates = [
    aggregate('events', 'count'),
    aggregate('sum', 'sum', column('value'), int),
    aggregate('mean', 'mean', column('amount'), decimal(2)),
    aggregate('sd', 'stddevPop', column('amount'), decimal(2)),
    aggregate('least', 'min', column('kind'), text),
    aggregate('greatest', 'max', column('ratio'), float),
    aggregate('ok', 'share', column('ok'), bool),
    aggregate('last', 'last', column('kind'), text),
    aggregate('values', 'approxDistinct', column('value'), int),
    aggregate('p90', 'quantile', column('value'), int, { q: 0.9 }),
    aggregate('top', 'topK', column('kind'), text, { k: 3, cap: 1000 }),
  ];
  const begin = Date.UTC(2026, 0, 1);
  return {
    ...sqlDefinition(
      `${events.toLocaleString('en-US')} generated events, half of them of one key, hops of 1 and 10 days`,
      `generated_${events}`,
      viewOf(source, { key: 'key' }, aggregates, hops(DAY, 10 * DAY)),
      `SELECT CAST(CASE WHEN i % 1000 = 999 THEN i - 1 ELSE i END AS STRING), CAST(${begin} + (i * ${30 * DAY}) // ${events} AS BIGINT),
      CASE WHEN i % 2 = 0 THEN 'hot' ELSE 'k' || (i * 48271) % 10007 END, CAST((i * 7919) % 100003 - 50000 AS BIGINT),
      CAST((i * 104729) % 1000003 AS BIGINT), 'kind ' || (i * 31) % 97, CAST((i * 17) % 4001 AS DOUBLE) / 8, i % 7 = 0
      FROM range(${events}) AS r(i)`,
    ),
    inOrder: true,
  };
}

const hot = generated(40_000);

/** Everything that the repository itself has the input of. */
export const own: readonly ParityDefinition[] = [random, sawtooth, faults, registers, hot, flights];

/** Those of them that are done in seconds. */
export const small: readonly ParityDefinition[] = [sawtooth, faults, hot];

/** What real tables have to say that are next to the checkout. */
export function ofShared(folder: string): readonly ParityDefinition[] {
  const product = { kind: 'arithmetic', op: 'multiply', left: column('quantity'), right: column('price') } as const;
  const retail = sqlDefinition(
    'online_retail: 541,909 lines by customer, hops of 5 min, 1 h and 1 day',
    'retail',
    viewOf(
      sourceOf({ customer: text, sku: text, invoice: text, quantity: int, price: int }),
      { customer: 'customer' },
      [
        aggregate('lines', 'count'),
        aggregate('qty', 'sum', column('quantity'), int),
        aggregate('amount_milli', 'sum', product, int),
        aggregate('max_price_milli', 'max', column('price'), int),
        aggregate('invoices', 'distinct', column('invoice'), text, { cap: 10_000 }),
        aggregate('skus', 'approxDistinct', column('sku'), text),
        aggregate('first_sku', 'first', column('sku'), text),
        aggregate('last_sku', 'last', column('sku'), text),
      ],
      hops(5 * MINUTE, HOUR, DAY),
    ),
    `SELECT LPAD(CAST(ROW_NUMBER() OVER () AS STRING), 6, '0'), CAST(EPOCH_MS(InvoiceDate) AS BIGINT), REPLACE(CustomerID, '.0', ''),
      StockCode, InvoiceNo, CAST(Quantity AS BIGINT), CAST(ROUND(UnitPrice * 1000) AS BIGINT)
      FROM read_csv('${folder}/online_retail/online_retail_2010-12-01_2011-12-09.csv.gz', header = true,
        types = {'InvoiceNo': 'VARCHAR', 'StockCode': 'VARCHAR', 'CustomerID': 'VARCHAR'})`,
  );
  const air = sqlDefinition(
    'beijing_air_quality: 280,512 hours of eight stations, hops of 1 and 14 days, decimals with holes',
    'air',
    viewOf(
      sourceOf({ station: text, pm25: decimal(1) }),
      { station: 'station' },
      [
        aggregate('mean', 'mean', column('pm25'), decimal(1)),
        aggregate('least', 'min', column('pm25'), decimal(1)),
        aggregate('greatest', 'max', column('pm25'), decimal(1)),
        aggregate('sd', 'stddevSample', column('pm25'), decimal(1)),
        aggregate('first', 'first', column('pm25'), decimal(1)),
        aggregate('last_5', 'lastN', column('pm25'), decimal(1), { n: 5 }),
      ],
      hops(DAY, 14 * DAY),
    ),
    `SELECT station || '-' || "No", CAST(EPOCH_MS(MAKE_TIMESTAMP(year, month, day, hour, 0, 0)) AS BIGINT), station,
      CAST(ROUND(TRY_CAST("PM2.5" AS DOUBLE) * 10) AS BIGINT)
      FROM read_csv('${folder}/beijing_air_quality/PRSA_Data_*.csv.gz', header = true, types = {'PM2.5': 'VARCHAR'})`,
  );
  const movies = sqlDefinition(
    'movietweetings_100k: 100,000 ratings by film, hops of 1 and 13 days',
    'movies',
    viewOf(
      sourceOf({ movie: text, user: text, rating: int }),
      { movie: 'movie' },
      [
        aggregate('ratings', 'count'),
        aggregate('mean', 'mean', column('rating'), int),
        aggregate('p50', 'quantile', column('rating'), int, { q: 0.5 }),
        aggregate('users', 'approxDistinct', column('user'), text),
      ],
      hops(DAY, 13 * DAY),
    ),
    `SELECT CAST(ROW_NUMBER() OVER () AS STRING), CAST(p[7] AS BIGINT) * 1000, p[3], p[1], CAST(p[5] AS BIGINT)
      FROM (SELECT STRING_SPLIT(line, ':') AS p FROM read_csv('${folder}/movietweetings_100k/ratings.dat.gz', header = false, delim = '\\t', columns = {'line': 'VARCHAR'}))`,
  );
  const bandit = sqlDefinition(
    'open_bandit: 10,000 impressions by item and position, hops of 1 h',
    'bandit',
    viewOf(
      sourceOf({ item: text, position: text, click: bool, propensity: float, feature: text }),
      { item: 'item', position: 'position' },
      [
        aggregate('clicked', 'share', column('click'), bool),
        aggregate('greatest', 'max', column('propensity'), float),
        aggregate('last', 'last', column('propensity'), float),
        aggregate('top', 'topK', column('feature'), text, { k: 2, cap: 1000 }),
      ],
      hops(HOUR),
    ),
    `SELECT CAST(ROW_NUMBER() OVER () AS STRING), CAST(EPOCH_MS(CAST("timestamp" AS TIMESTAMP)) AS BIGINT), item_id, "position", click = '1',
      CAST(propensity_score AS DOUBLE), user_feature_0
      FROM read_csv('${folder}/open_bandit/bts_men_impressions.csv.gz', header = true, all_varchar = true)`,
  );
  return [retail, air, movies, bandit];
}
