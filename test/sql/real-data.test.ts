import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EventSourceData, StreamViewData } from '../../src/features/define/declaration.ts';
import { duckdb } from '../../src/features/sql/duckdb.ts';
import { type PointInTimeQuery, pointInTimeQuery } from '../../src/features/sql/point-in-time.ts';
import { tileQueries } from '../../src/features/sql/tile-queries.ts';
import { isDeep } from '../runs.ts';
import { aggregate, column, decimal, int, serviceOf, sourceOf, text, viewOf } from './declare.ts';
import { openDatabase, openForTest, type TestDatabase } from './duckdb.ts';

const shared = '../shared/data/features';
const hasShared = existsSync(shared);

/** Raw deliveries of a query that gives the source's columns: every row in one partition, arrived when it happened. */
function delivered(source: EventSourceData, rows: string): string {
  const names = Object.keys(source.columns).map((name) => `"${name}"`);
  return `(SELECT ${names.join(', ')}, "${source.time}" AS _ingest_ts, 0 AS _partition, CAST(ROW_NUMBER() OVER () AS BIGINT) AS _offset, CAST(NULL AS STRING) AS _verdict FROM (${rows}) AS r)`;
}

function answersOf(view: StreamViewData, deliveries: string, spine: string): PointInTimeQuery {
  return pointInTimeQuery({
    service: serviceOf(view),
    spine,
    mode: 'corrected',
    deliveriesOf: () => deliveries,
    generationsOf: () => '',
    counts: false,
    dialect: duckdb,
  });
}

// Three million rows: tiles.test.ts has those of the gate.
if (isDeep)
  test('424,259 hourly tiles of three million flights have the published sum', async () => {
    const database = await openForTest();
    const file = fileURLToPath(new URL('../../node_modules/vega-datasets/data/flights-3m.parquet', import.meta.url));
    const source = sourceOf({ origin: text, delay: int }, { name: 'flights' });
    const view = viewOf(
      source,
      { origin: 'origin' },
      [
        aggregate('delay', 'sum', column('delay'), int),
        aggregate('least', 'min', column('delay'), int),
        aggregate('greatest', 'max', column('delay'), int),
      ],
      [{ name: '1d', windowMs: 86_400_000, hopMs: 3_600_000 }],
    );
    const flights = `SELECT CAST(ROW_NUMBER() OVER () AS STRING) AS id, ${duckdb.timestampMs('date')} AS at, origin, CAST(delay AS BIGINT) AS delay FROM read_parquet('${file}')`;
    const { tiles } = tileQueries(view, 3_600_000, {
      dialect: duckdb,
      relation: delivered(source, flights),
      generation: 0,
    });
    const rows = await database.rows(
      `SELECT k_origin, tile_start, n, delay_sum, least_min, greatest_max FROM (${tiles}) AS t ORDER BY k_origin, tile_start`,
    );
    const hash = createHash('sha256');
    for (const row of rows) hash.update(`${row.join(',')}\n`);
    expect(rows.length).toBe(424_259);
    expect(hash.digest('hex')).toBe('0d7ef856c233037a3cdec4044de1a468eb0fdeb8c94d5092deca13e51045a3bc');
  });

const why = hasShared ? '' : ` (skipped: ${shared} is absent)`;

describe.skipIf(!hasShared)(`on the lines of Online Retail${why}`, () => {
  const lines = sourceOf({ customer: text, sku: text, invoice: text, quantity: int, price: int }, { name: 'lines' });

  let database: TestDatabase;

  // Its tests read it, and none changes it.
  beforeAll(async () => {
    database = await openDatabase();
    await database.run(`CREATE TABLE lines AS SELECT LPAD(CAST(ROW_NUMBER() OVER () AS STRING), 6, '0') AS id,
      CAST(EPOCH_MS(InvoiceDate) AS BIGINT) AS at, REPLACE(CustomerID, '.0', '') AS customer, StockCode AS sku, InvoiceNo AS invoice,
      CAST(Quantity AS BIGINT) AS quantity, CAST(ROUND(UnitPrice * 1000) AS BIGINT) AS price
      FROM read_csv('${shared}/online_retail/online_retail_2010-12-01_2011-12-09.csv.gz', header = true,
        types = {'InvoiceNo': 'VARCHAR', 'StockCode': 'VARCHAR', 'CustomerID': 'VARCHAR'})`);
  });

  afterAll(() => database.close());

  test('15,075 sawtooth answers of customers are those of two other engines', async () => {
    const product = { kind: 'arithmetic', op: 'multiply', left: column('quantity'), right: column('price') } as const;
    const windows = {
      '1h': 3_600_000,
      '1d': 86_400_000,
      '7d': 604_800_000,
      '30d': 2_592_000_000,
      '90d': 7_776_000_000,
    };
    const hops = { '1h': 300_000, '1d': 3_600_000, '7d': 3_600_000, '30d': 86_400_000, '90d': 86_400_000 };
    const view = viewOf(
      lines,
      { customer: 'customer' },
      [
        aggregate('lines', 'count'),
        aggregate('qty', 'sum', column('quantity'), int),
        aggregate('amount_milli', 'sum', product, int),
        aggregate('max_price_milli', 'max', column('price'), int),
        aggregate('invoices', 'distinct', column('invoice'), text, { cap: 10_000 }),
        aggregate('skus', 'distinct', column('sku'), text, { cap: 10_000 }),
        aggregate('first_sku', 'first', column('sku'), text),
        aggregate('last_sku', 'last', column('sku'), text),
      ],
      Object.entries(windows).map(([name, windowMs]) => ({ name, windowMs, hopMs: hops[name as keyof typeof hops] })),
    );
    const golden = await database.rows(
      `SELECT * FROM read_csv('${shared}/golden/online_retail_customer_sawtooth.csv.gz', header = true, all_varchar = true)`,
    );
    const [header] = await database.rows(
      `SELECT list(column_name) FROM (DESCRIBE SELECT * FROM read_csv('${shared}/golden/online_retail_customer_sawtooth.csv.gz', header = true, all_varchar = true))`,
    );
    const names = header[0] as readonly string[];
    const spine = `(SELECT CAST(ROW_NUMBER() OVER () AS STRING) AS _id, CAST(query_ts AS BIGINT) AS _at, customer_id AS customer
      FROM read_csv('${shared}/golden/online_retail_customer_sawtooth.csv.gz', header = true, all_varchar = true))`;
    const query = answersOf(view, delivered(lines, 'SELECT * FROM lines'), spine);
    const found = new Map(
      (await database.rows(query.sql)).map((row) => [`${query.request(row)[0]}@${query.at(row)}`, row]),
    );
    let answers = 0;
    for (const expected of golden) {
      const row = found.get(`${expected[0]}@${expected[1]}`) ?? [];
      const values = Object.fromEntries(query.features.map(({ feature, value }) => [feature, value(row)]));
      for (let i = 2; i < names.length; i++) {
        expect(String(values[names[i]] ?? ''), `${names[i]} of ${expected[0]} at ${expected[1]}`).toBe(
          expected[i] ?? '',
        );
      }
      answers += Object.keys(windows).length;
    }
    expect(answers).toBe(15_075);
  });

  test('4,449 prices as of a sale are the last ones strictly before it', async () => {
    const prices = sourceOf({ sku: text, price: decimal(3) }, { name: 'prices' });
    const view = viewOf(
      prices,
      { sku: 'sku' },
      [aggregate('price', 'last', column('price'), decimal(3))],
      [{ name: 'ever', windowMs: null, hopMs: 60_000 }],
    );
    const history = `SELECT CAST(ROW_NUMBER() OVER () AS STRING) AS id, "at", sku, MAX(price) AS price FROM lines
      WHERE quantity > 0 AND price > 0 AND customer IS NOT NULL GROUP BY sku, "at"`;
    const golden = `read_csv('${shared}/golden/online_retail_price_asof.csv.gz', header = true, all_varchar = true)`;
    const sold = `CAST(EPOCH_MS(CAST(event_time AS TIMESTAMP)) AS BIGINT)`;
    for (const [column, ahead] of [
      ['price_asof_strictly_before', 0],
      ['price_asof_at_or_before', 1],
    ] as const) {
      const spine = `(SELECT COALESCE(${column}, '') AS _id, ${sold} + ${ahead} AS _at, stock_code AS sku FROM ${golden})`;
      const query = answersOf(view, delivered(prices, history), spine);
      const rows = await database.rows(query.sql);
      const wrong = rows.filter((row) => {
        const expected = String(query.id(row));
        const price = query.features[0].value(row);
        return expected === '' ? price !== null : price !== BigInt(Math.round(Number(expected) * 1000));
      });
      expect(rows.length).toBe(4449);
      expect(wrong).toEqual([]);
    }
  });

  test('9,045 exact windows are sawtooth windows with a hop of one minute', async () => {
    const sold = sourceOf({ customer: text, invoice: text, quantity: int, price: int }, { name: 'sold' });
    const product = { kind: 'arithmetic', op: 'multiply', left: column('quantity'), right: column('price') } as const;
    const view = viewOf(
      sold,
      { customer: 'customer' },
      [
        aggregate('lines', 'count'),
        aggregate('amt', 'sum', product, int),
        aggregate('invoices', 'distinct', column('invoice'), text, { cap: 10_000 }),
      ],
      [1, 7, 30].map((days) => ({ name: `${days}d`, windowMs: days * 86_400_000, hopMs: 60_000 })),
    );
    const file = `read_csv('${shared}/golden/online_retail_customer_windows.csv.gz', header = true, all_varchar = true)`;
    const asked = `CAST(EPOCH_MS(CAST(query_time AS TIMESTAMP)) AS BIGINT)`;
    const query = answersOf(
      view,
      delivered(sold, 'SELECT * FROM lines'),
      `(SELECT CAST(ROW_NUMBER() OVER () AS STRING) AS _id, ${asked} AS _at, customer_id AS customer FROM ${file})`,
    );
    const found = new Map(
      (await database.rows(query.sql)).map((row) => [`${query.request(row)[0]}@${query.at(row)}`, row]),
    );
    let compared = 0;
    for (const days of [1, 7, 30]) {
      const excluding = `lines_${days}d_excl, amt_${days}d_excl, invoices_${days}d_excl`;
      for (const [customer, at, lines, amount, invoices] of await database.rows(
        `SELECT customer_id, ${asked}, ${excluding} FROM ${file}`,
      )) {
        const row = found.get(`${customer}@${at}`) ?? [];
        const values = Object.fromEntries(query.features.map(({ feature, value }) => [feature, value(row)]));
        expect([values[`lines_${days}d`], values[`amt_${days}d`] ?? 0, values[`invoices_${days}d`]]).toEqual([
          Number(lines),
          Math.round(Number(amount) * 1000),
          Number(invoices),
        ]);
        compared += 1;
      }
    }
    expect(compared).toBe(9045);
  });
});

describe.skipIf(!hasShared)(`on the air of Beijing${why}`, () => {
  test('11,688 rolling means, extremes and deviations over a grid with holes', async () => {
    const database = await openForTest();
    const air = sourceOf({ station: text, pm25: decimal(1) }, { name: 'air' });
    const view = viewOf(
      air,
      { station: 'station' },
      [
        aggregate('n', 'count', column('pm25'), decimal(1)),
        aggregate('mean', 'mean', column('pm25'), decimal(1)),
        aggregate('least', 'min', column('pm25'), decimal(1)),
        aggregate('greatest', 'max', column('pm25'), decimal(1)),
        aggregate('sd', 'stddevSample', column('pm25'), decimal(1)),
      ],
      [
        { name: '24h', windowMs: 86_400_000, hopMs: 3_600_000 },
        { name: '7d', windowMs: 604_800_000, hopMs: 3_600_000 },
      ],
    );
    const hours = `SELECT station || '-' || "No" AS id, CAST(EPOCH_MS(MAKE_TIMESTAMP(year, month, day, hour, 0, 0)) AS BIGINT) AS "at", station,
      CAST(ROUND(TRY_CAST("PM2.5" AS DOUBLE) * 10) AS BIGINT) AS pm25
      FROM read_csv('${shared}/beijing_air_quality/PRSA_Data_*.csv.gz', header = true, types = {'PM2.5': 'VARCHAR'})`;
    const golden = `read_csv('${shared}/golden/beijing_pm25_rolling.csv.gz', header = true, all_varchar = true)`;
    const asked = `CAST(EPOCH_MS(CAST(query_time AS TIMESTAMP)) AS BIGINT)`;
    const answer = ['n_24h', 'mean_24h', 'min_24h', 'max_24h', 'n_7d', 'mean_7d', 'sd_7d'];
    const query = answersOf(
      view,
      delivered(air, hours),
      `(SELECT station || '@' || query_time AS _id, ${asked} AS _at, station FROM ${golden})`,
    );
    const expected = new Map(
      (await database.rows(`SELECT station || '@' || query_time, ${answer.join(', ')} FROM ${golden}`)).map(
        ([id, ...rest]) => [id, rest],
      ),
    );
    const found = await database.rows(query.sql);
    const wrong = found.filter((row) => {
      const values = Object.fromEntries(query.features.map(({ feature, value }) => [feature, value(row)]));
      const tenth = (value: unknown) => (value === null ? null : Number(value) / 10);
      const ours = [
        values.n_24h,
        values.mean_24h,
        tenth(values.least_24h),
        tenth(values.greatest_24h),
        values.n_7d,
        values.mean_7d,
        values.sd_7d,
      ];
      return (expected.get(query.id(row) as string) ?? []).some((text, index) => {
        const value = ours[index];
        return text === null ? value !== null : value === null || Math.abs(Number(value) - Number(text)) > 2e-6;
      });
    });
    expect([found.length, expected.size]).toEqual([11_688, 11_688]);
    expect(wrong).toEqual([]);
  });
});
