import { expect, test } from 'vitest';
import type { Delivery } from '../../src/features/engine/delivery.ts';
import type { Columns, Value } from '../../src/schema/column.ts';
import { expectSame } from '../expect-same.ts';
import { isDeep, runs } from '../runs.ts';
import { aggregate, engineOf, testView } from './golden-view.ts';
import { csvRows, hasSharedData, sharedText, whySkipped } from './shared-data.ts';

const M = 60_000;
const H = 60 * M;
const D = 24 * H;

const text = { type: 'text', nullable: true } as const;
const int = { type: 'int', nullable: true } as const;
const money = { type: 'decimal', nullable: true, scale: 3 } as const;

const retailColumns: Columns = {
  line: { type: 'text', nullable: false },
  at: { type: 'time', nullable: false },
  customer: text,
  invoice: text,
  sku: text,
  quantity: int,
  amount: money,
  price: money,
};

/** The lines of the customers that the goldens are about (number mod 20 = 17), in file order, which is in order of time. */
let retail: readonly Delivery[] | null = null;
const retailDeliveries = (): readonly Delivery[] => {
  retail ??= readRetail();
  return retail;
};

function readRetail(): readonly Delivery[] {
  const deliveries: Delivery[] = [];
  let line = 0;
  for (const row of csvRows(sharedText('online_retail/online_retail_2010-12-01_2011-12-09.csv.gz'))) {
    line += 1;
    const customer = Math.trunc(Number(row['CustomerID']));
    if (row['CustomerID'] === '' || customer % 20 !== 17) continue;
    const ts = Date.parse(`${row['InvoiceDate'].replace(' ', 'T')}Z`);
    const price = BigInt(Math.round(Number(row['UnitPrice']) * 1000));
    const quantity = Number(row['Quantity']);
    const id = String(line).padStart(6, '0');
    const values = [String(customer), row['InvoiceNo'], row['StockCode'], quantity, BigInt(quantity) * price, price];
    deliveries.push({ id, ts, ingestTs: ts, row: [id, ts, ...values] });
  }
  return deliveries;
}

/** Answers by (key, q), asked in order of time with the events before q applied, as a server would. */
function askLive(
  view: Parameters<typeof engineOf>[0],
  deliveries: readonly Delivery[],
  questions: readonly { readonly key: string; readonly q: number }[],
): ReadonlyMap<string, readonly (Value | undefined)[]> {
  const { engine, reader, runsOf } = engineOf(view);
  const answers = new Map<string, readonly (Value | undefined)[]>();
  let next = 0;
  for (const { key, q } of [...questions].sort((a, b) => a.q - b.q)) {
    for (; next < deliveries.length && deliveries[next].ts < q; next += 1) engine.apply(deliveries[next], 0);
    const out: (Value | undefined)[] = [];
    expect(reader.read(runsOf(key), q, out, 0)).toBe(q);
    answers.set(`${key} ${q}`, out);
  }
  return answers;
}

test.skipIf(!hasSharedData)(
  'Online Retail golden: 15,075 sawtooth windows of real lines under same-minute ties',
  () => {
    const windows = {
      '1h': [H, 5 * M],
      '1d': [D, H],
      '7d': [7 * D, H],
      '30d': [30 * D, D],
      '90d': [90 * D, D],
    } as const;
    const view = testView({
      columns: retailColumns,
      key: ['customer'],
      latenessMs: 0,
      futureSkewMs: 0,
      aggregates: [
        aggregate('lines', 'count', null, null),
        aggregate('qty', 'sum', 'quantity', int),
        aggregate('amount_milli', 'sum', 'amount', money),
        aggregate('max_price_milli', 'max', 'price', money),
        aggregate('invoices', 'distinct', 'invoice', text, { cap: 10_000 }),
        aggregate('skus', 'distinct', 'sku', text, { cap: 10_000 }),
        aggregate('first_sku', 'first', 'sku', text),
        aggregate('last_sku', 'last', 'sku', text),
      ],
      windows: Object.values(windows).map(([windowMs, hopMs]) => ({ windowMs, hopMs })),
      hopsMs: [5 * M, H, D],
    });
    const rows = [...csvRows(sharedText('golden/online_retail_customer_sawtooth.csv.gz'))];
    const questions = rows.map((row) => ({ key: row['customer_id'], q: Number(row['query_ts']) }));
    const answers = askLive(view, retailDeliveries(), questions);
    const names = view.aggregates.map(({ name }) => name);
    const sums: Record<string, [number, number]> = {};
    let checked = 0;
    for (const row of rows) {
      const got = answers.get(`${row['customer_id']} ${row['query_ts']}`) ?? [];
      Object.keys(windows).forEach((window, w) => {
        const want = names.map((name) => row[`${name}_${window}`]);
        const have = got
          .slice(w * names.length, (w + 1) * names.length)
          .map((value) => (value === null ? '' : String(value)));
        expectSame(have, want, `${row['customer_id']} at ${row['query_ts']}, ${window}`);
        sums[window] ??= [0, 0];
        sums[window][0] += Number(have[0]);
        sums[window][1] += Number(have[2]);
        checked += 1;
      });
    }
    expect(checked).toBe(15_075);
    expect(sums).toEqual({
      '1h': [2_543, 76_336_930],
      '1d': [3_626, 100_455_100],
      '7d': [28_586, 657_147_140],
      '30d': [76_539, 1_808_981_150],
      '90d': [138_926, 3_496_757_450],
    });
  },
);

test.skipIf(!hasSharedData)(
  `Online Retail golden: 9,045 exact windows are those of a hop of one minute${whySkipped}`,
  () => {
    const windows = { '1d': D, '7d': 7 * D, '30d': 30 * D } as const;
    const view = testView({
      columns: retailColumns,
      key: ['customer'],
      latenessMs: 0,
      futureSkewMs: 0,
      aggregates: [
        aggregate('lines', 'count', null, null),
        aggregate('amt', 'sum', 'amount', money),
        aggregate('invoices', 'distinct', 'invoice', text, { cap: 10_000 }),
        aggregate('before', 'last', 'at', { type: 'time', nullable: false }),
      ],
      windows: [...Object.values(windows), null].map((windowMs) => ({ windowMs, hopMs: M })),
      hopsMs: [M, H, D],
    });
    const rows = [...csvRows(sharedText('golden/online_retail_customer_windows.csv.gz'))];
    const timeOf = (written: string) => Date.parse(`${written.replace(' ', 'T')}Z`);
    const questions = rows.map((row) => ({ key: row['customer_id'], q: timeOf(row['query_time']) }));
    const answers = askLive(view, retailDeliveries(), questions);
    let checked = 0;
    for (const row of rows) {
      const got = answers.get(`${row['customer_id']} ${timeOf(row['query_time'])}`) ?? [];
      Object.keys(windows).forEach((window, w) => {
        const [lines, amount, invoices] = got.slice(w * 4, w * 4 + 3);
        const want = ['lines', 'amt', 'invoices'].map((name) => row[`${name}_${window}_excl`]);
        expectSame([String(lines), (Number(amount ?? 0) / 1000).toFixed(3), String(invoices)], want);
        checked += 1;
      });
      const last = row['last_event_before'];
      expectSame(got[3 * 4 + 3], last === '' ? null : timeOf(last));
    }
    expect(checked).toBe(9_045);
  },
);

test.skipIf(!hasSharedData)(`Beijing golden: 11,688 rolling days and weeks over a grid with holes${whySkipped}`, () => {
  const tenth = { type: 'decimal', nullable: true, scale: 1 } as const;
  const view = testView({
    columns: {
      id: { type: 'text', nullable: false },
      at: { type: 'time', nullable: false },
      station: text,
      pm25: tenth,
    },
    key: ['station'],
    latenessMs: 0,
    futureSkewMs: 0,
    aggregates: [
      aggregate('n', 'count', 'pm25', tenth),
      aggregate('mean', 'mean', 'pm25', tenth),
      aggregate('min', 'min', 'pm25', tenth),
      aggregate('max', 'max', 'pm25', tenth),
      aggregate('sd', 'stddevSample', 'pm25', tenth),
    ],
    windows: [
      { windowMs: D, hopMs: H },
      { windowMs: 7 * D, hopMs: H },
    ],
    hopsMs: [H, D],
  });
  const rows = [...csvRows(sharedText('golden/beijing_pm25_rolling.csv.gz'))];
  const totals = { n24: 0, n7: 0 };
  let checked = 0;
  const stations = [...new Set(rows.map((row) => row['station']))];
  // The SQL of the gate answers all of them, and the engine answers as the SQL does.
  for (const station of stations.slice(0, runs(2, stations.length))) {
    const asked = rows.filter((row) => row['station'] === station);
    const timeOf = (row: Readonly<Record<string, string>>) => Date.parse(`${row['query_time'].replace(' ', 'T')}Z`);
    const answers = askLive(
      view,
      beijingDeliveries(station),
      asked.map((row) => ({ key: station, q: timeOf(row) })),
    );
    for (const row of asked) {
      const got = answers.get(`${station} ${timeOf(row)}`) ?? [];
      const scaled = [got[0], got[1], tenths(got[2]), tenths(got[3]), got[5], got[6], got[9]];
      const names = ['n_24h', 'mean_24h', 'min_24h', 'max_24h', 'n_7d', 'mean_7d', 'sd_7d'];
      names.forEach((name, i) => {
        const what = `${name} of ${station} ${row['query_time']}`;
        if (row[name] === '') expectSame(scaled[i], null, what);
        else expectSame(Math.abs(Number(scaled[i]) - Number(row[name])) < 2e-6, true, what);
      });
      totals.n24 += Number(got[0]);
      totals.n7 += Number(got[5]);
      checked += 1;
    }
  }
  expect(checked).toBe(runs(11_688 / 4, 11_688));
  if (isDeep) expect(totals).toEqual({ n24: 274_614, n7: 1_918_456 });
});

function tenths(value: Value | undefined): Value | undefined {
  return typeof value === 'bigint' ? Number(value) / 10 : value;
}

function beijingDeliveries(station: string): readonly Delivery[] {
  const file = `beijing_air_quality/PRSA_Data_${station}_20130301-20170228.csv.gz`;
  return Array.from(csvRows(sharedText(file)), (row, i) => {
    const ts = Date.UTC(Number(row['year']), Number(row['month']) - 1, Number(row['day']), Number(row['hour']));
    const pm25 = row['PM2.5'] === 'NA' ? null : BigInt(Math.round(Number(row['PM2.5']) * 10));
    return { id: `h${i}`, ts, ingestTs: ts, row: [`h${i}`, ts, station, pm25] };
  });
}
