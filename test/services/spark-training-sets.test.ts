// @module-tag deep

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compareText } from '../../src/base/text-order.ts';
import type { AggregateSpec, ModelData } from '../../src/features/define/declaration.ts';
import type { ReadMode } from '../../src/features/plan/stream-read.ts';
import type { LabelledRow } from '../../src/featurestore/training-set/training-set.ts';
import type { Value } from '../../src/schema/column.ts';
import { aggregate, column, int, sourceOf, text, viewOf } from '../sql/declare.ts';
import type { LoggedDelivery } from '../sql/duckdb.ts';
import { source as changes, view as changing, lives } from '../sql/row-lives.ts';
import { everyAggregate, source } from '../sql/streams.ts';
import { csvRows, hasSharedData, sharedText, whySkipped } from '../tiles/shared-data.ts';
import { streams } from './parity-definitions.ts';
import { SparkSite, ways } from './spark-site.ts';
import { askingSource, modelOf, rowsBy } from './training-model.ts';

describe.each(ways)('%s', (way) => {
  let site: SparkSite;
  beforeAll(async () => {
    site = await SparkSite.open(way);
  });
  afterAll(() => site.end());

  const windows = [
    { name: 'w2', windowMs: 300_000, hopMs: 60_000 },
    { name: 'ever', windowMs: null, hopMs: 1000 },
  ];

  /** Requests at random instants for keys that are there, absent or null. */
  function requests(count: number, seed: number): readonly LoggedDelivery[] {
    const asked = fc.tuple(
      fc.oneof(
        fc.integer({ min: -1_000_000, max: 2_000_000 }),
        fc.constantFrom(-300_000, 0, 1, 60_000, 299_999, 300_000, 300_001),
      ),
      fc.nat({ max: 29 }),
      fc.constantFrom('t1', 't1|u', 'absent', null),
      fc.constantFrom('u|1', '1', null),
    );
    return fc.sample(asked, { numRuns: count, seed }).map(([ts, of, tenant, user], offset) => ({
      ...{ id: `q${offset}`, ts, ingestTs: ts, partition: 0, offset },
      row: [`q${offset}`, ts, tenant === null ? null : `${of}:${tenant}`, user],
    }));
  }

  function lines(rows: ReadonlyMap<string, LabelledRow>): readonly string[] {
    const text = (value: unknown) => (typeof value === 'bigint' ? `${value}n` : value);
    return [...rows.values()].map((row) => JSON.stringify(row, (_, value) => text(value))).sort(compareText);
  }

  /** Holds the rows of a model by Spark against those by DuckDB; gives how many values other than null they have. */
  async function compare(model: ModelData, mode: ReadMode, rows: number): Promise<number> {
    const byDuckdb = await rowsBy(null, site.offline, model, mode);
    const expected = lines(byDuckdb);
    const found = lines(await rowsBy(site.engine, site.offline, model, mode));
    expect(expected.length).toBe(rows);
    expect(found.filter((line, i) => line !== expected[i]).slice(0, 3)).toEqual([]);
    expect(found.length).toBe(rows);
    return [...byDuckdb.values()].flatMap(({ values }) => values).filter((value) => value !== null).length;
  }

  const groups = [
    ['corrected', 'counts, sums and extremes', everyAggregate.slice(0, 20)],
    ['as-known', 'moments, kept values and lists', everyAggregate.slice(20)],
    ['corrected', 'moments, kept values and lists', everyAggregate.slice(20)],
    ['as-known', 'counts, sums and extremes', everyAggregate.slice(0, 20)],
  ] as const satisfies readonly (readonly [ReadMode, string, readonly AggregateSpec[]])[];

  const some = [['corrected', 'sample of each kind', everyAggregate.filter((_, i) => i % 5 === 0)]] as const;
  const isWhole = way === 'spark-submit';

  test.each<readonly [ReadMode, string, readonly AggregateSpec[]]>(isWhole ? groups : some)(
    'Spark answers requests of random streams as DuckDB does: %s, %s',
    async (mode, what, aggregates) => {
      const name = `${mode.replace('-', '_')}_${what.slice(0, 6)}`;
      const events = { ...source, name: `events_${name}` };
      const view = { ...viewOf(events, { k1: 'tenant', k2: 'user' }, aggregates, windows), name };
      const asking = askingSource(`asks_${name}`, view);
      const all = streams(30, 11);
      await site.publisher(events, null)(all.slice(0, all.length / 2));
      await site.publisher(events)(all.slice(all.length / 2));
      await site.publisher(asking)(requests(400, 11));
      expect(await compare(modelOf(view, asking), mode, 400)).toBeGreaterThan(75 * aggregates.length);
    },
  );

  const both = [['corrected', 'as-known']] as const;

  test.each(isWhole ? both : [])('Spark answers over rows that change as DuckDB does: %s, %s', async (...modes) => {
    const view = { ...changing, name: 'changing' };
    const asking = askingSource('asks_changing', view);
    const keys: string[] = [];
    const deliveries = fc.sample(lives, { numRuns: 20, seed: 5 }).flatMap((life, i) =>
      life.map((delivery): LoggedDelivery => {
        const [id, at, key, ...rest] = delivery.row;
        const [own, name] = [`${i}-${String(id)}`, `${i}:${String(key)}`];
        keys.push(name);
        return { ...delivery, id: own, offset: i * 1_000 + delivery.offset, row: [own, at, name, ...rest] };
      }),
    );
    await site.publisher(changes)(deliveries);
    const asked = [...new Set(keys), 'nobody'].flatMap((key, i) =>
      [1, 600_000, 1_020_003, 7_200_000].map((at, j): readonly Value[] => [`q${i}.${j}`, at, key]),
    );
    await site.publisher(asking)(arrived(asked));
    for (const mode of modes) expect(await compare(modelOf(view, asking), mode, asked.length)).toBeGreaterThan(1_000);
  });

  /** Deliveries that arrived when they happened, of rows whose second column is their time. */
  function arrived(rows: readonly (readonly Value[])[]): readonly LoggedDelivery[] {
    return rows.map((row, offset) => {
      const ts = Number(row[1]);
      return { id: String(row[0]), ts, ingestTs: ts, partition: 0, offset, row };
    });
  }

  test('a model that nobody asked yet has a training set without rows', async () => {
    const view = {
      ...viewOf({ ...source, name: 'unseen' }, { k1: 'tenant' }, everyAggregate.slice(0, 3), windows),
      name: 'unseen',
    };
    const model = modelOf(view, askingSource('asks_unseen', view));
    expect((await rowsBy(site.engine, site.offline, model, 'corrected')).size).toBe(0);
  });

  test('a spread of more digits than some engine has is null on all of them, and exact below', async () => {
    const wide = sourceOf({ key: text, value: int }, { name: 'wide' });
    const view = {
      ...viewOf(
        wide,
        { key: 'key' },
        [aggregate('spread', 'variancePop', column('value'), int)],
        [{ name: 'ever', windowMs: null, hopMs: 1000 }],
      ),
      name: 'wide',
    };
    // Exact numerators of 8.6e37, of 1.4e38, which DuckDB has and Spark has not, and of 2.3e38, which neither has.
    const amounts = { few: 3_100, some: 4_000, many: 5_000 };
    const keys = Object.entries(amounts).flatMap(([key, amount]) => Array<string>(amount).fill(key));
    const events = keys.map((key, i): readonly Value[] => [`e${i}`, i, key, (i % 2 === 0 ? 1 : -1) * 3e15]);
    const asking = askingSource('asks_wide', view);
    await site.publisher(wide)(arrived(events));
    await site.publisher(asking)(arrived(Object.keys(amounts).map((key) => [key, 20_000, key])));
    const model = modelOf(view, asking);
    expect(await compare(model, 'corrected', 3)).toBe(1);
    const rows = await rowsBy(null, site.offline, model, 'corrected');
    expect(Object.keys(amounts).map((key) => rows.get(key)?.values)).toEqual([[9e30], [null], [null]]);
    expect(site.runs()).toEqual([]);
  });

  test.skipIf(!hasSharedData).each(isWhole ? [15_075] : [])(
    `%d answers of Online Retail by Spark are those of two other engines${whySkipped}`,
    async (count) => {
      const hours = (count: number) => count * 3_600_000;
      const lines = sourceOf(
        { customer: text, sku: text, invoice: text, quantity: int, price: int },
        { name: 'lines' },
      );
      const product = { kind: 'arithmetic', op: 'multiply', left: column('quantity'), right: column('price') } as const;
      const view = {
        ...viewOf(
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
          [
            { name: '1h', windowMs: hours(1), hopMs: 300_000 },
            { name: '1d', windowMs: hours(24), hopMs: hours(1) },
            { name: '7d', windowMs: hours(7 * 24), hopMs: hours(1) },
            { name: '30d', windowMs: hours(30 * 24), hopMs: hours(24) },
            { name: '90d', windowMs: hours(90 * 24), hopMs: hours(24) },
          ],
        ),
        name: 'retail',
      };
      const asking = askingSource('asks_retail', view);
      const sold = [...csvRows(sharedText('online_retail/online_retail_2010-12-01_2011-12-09.csv.gz'))].map(
        (row, i): readonly Value[] => [
          String(i + 1).padStart(6, '0'),
          Date.parse(`${row['InvoiceDate'].replace(' ', 'T')}Z`),
          row['CustomerID'] === '' ? null : row['CustomerID'].replace('.0', ''),
          row['StockCode'],
          row['InvoiceNo'],
          Number(row['Quantity']),
          Math.round(Number(row['UnitPrice']) * 1000),
        ],
      );
      const golden = [...csvRows(sharedText('golden/online_retail_customer_sawtooth.csv.gz'))];
      await site.publisher(lines)(arrived(sold));
      await site.publisher(asking)(
        arrived(golden.map((row, i) => [`q${i}`, Number(row['query_ts']), row['customer_id']])),
      );
      const rows = await rowsBy(site.engine, site.offline, modelOf(view, asking), 'corrected');
      let answers = 0;
      for (const [i, { query_ts, customer_id, ...expected }] of golden.entries()) {
        const { at, values } = rows.get(`q${i}`) ?? { at: 0, values: [] };
        const found = Object.fromEntries(view.features.map(({ name }, f) => [name, String(values[f] ?? '')]));
        expect([at, found], `${customer_id} at ${query_ts}`).toEqual([Number(query_ts), expected]);
        answers += Object.keys(expected).length / 8;
      }
      expect(answers).toBe(count);
    },
  );
});
