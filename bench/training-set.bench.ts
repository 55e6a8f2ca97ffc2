import { existsSync } from 'node:fs';
import { DuckDBInstance } from '@duckdb/node-api';
import { aggregateOf } from '../src/features/aggregate/aggregates.ts';
import type {
  AggregateSpec,
  EventSourceData,
  FeatureServiceData,
  StreamViewData,
} from '../src/features/define/declaration.ts';
import { duckdb } from '../src/features/sql/duckdb.ts';
import { pointInTimeQuery } from '../src/features/sql/point-in-time.ts';
import { printFigure } from './figure.ts';
import { measureRates } from './measure.ts';

/**
 * The training set of 541,909 lines of Online Retail: six aggregates of the customer over five windows, at the instant of every line.
 * The yardstick is what one would write by hand for the same answer: tiles of each window's hop, built first, and the raw
 * events of the head; and window frames of variable length. The faster of the two counts.
 */
const file = '../shared/data/features/online_retail/online_retail_2010-12-01_2011-12-09.csv.gz';

const windows = [
  { name: '1h', windowMs: 3_600_000, hopMs: 300_000 },
  { name: '1d', windowMs: 86_400_000, hopMs: 3_600_000 },
  { name: '7d', windowMs: 604_800_000, hopMs: 3_600_000 },
  { name: '30d', windowMs: 2_592_000_000, hopMs: 86_400_000 },
  { name: '90d', windowMs: 7_776_000_000, hopMs: 86_400_000 },
] as const;

/** Orders as (time, id); the value follows. */
const stamp = `LPAD(CAST(sold + 100000000000000 AS VARCHAR), 15, '0') || RPAD(line, 36, ' ') || sku`;

const connection = await (await DuckDBInstance.create(':memory:', { threads: '2' })).connect();

if (existsSync(file)) await main();
else console.log(`skipped: ${file} is absent`);

async function main(): Promise<void> {
  await connection.run(`CREATE TABLE raw AS SELECT LPAD(CAST(ROW_NUMBER() OVER () AS STRING), 6, '0') AS line,
    CAST(EPOCH_MS(InvoiceDate) AS BIGINT) AS sold, REPLACE(CustomerID, '.0', '') AS customer, StockCode AS sku,
    CAST(Quantity AS BIGINT) AS quantity, CAST(ROUND(UnitPrice * 1000) AS BIGINT) AS price, sold AS _ingest_ts,
    CAST(0 AS BIGINT) AS _partition, CAST(ROW_NUMBER() OVER () AS BIGINT) AS _offset, 'accepted' AS _verdict
    FROM read_csv('${file}', header = true, types = {'InvoiceNo': 'VARCHAR', 'StockCode': 'VARCHAR', 'CustomerID': 'VARCHAR'})`);
  const ours = query();
  const rates = await measureRates(
    {
      headrace: work('ours', ours),
      tilesAndHead: work('tiles', tilesAndHead()),
      frames: work('frames', frames()),
    },
    { warmUps: 1, rounds: 3 },
  );
  await compare('ours', 'tiles');
  await compare('ours', 'frames');
  const byHand = Math.max(rates.tilesAndHead, rates.frames);
  printFigure({
    name: 'training set, 541,909 rows × 5 windows × 6 aggregates',
    unit: 's',
    value: 541_909 / rates.headrace,
    yardstick: `hand-written SQL (${rates.frames > rates.tilesAndHead ? 'frames' : 'tiles and head'})`,
    yardstickValue: 541_909 / byHand,
    aim: { of: 'ratio', atMost: 1.5 },
  });
}

function work(table: string, sql: string) {
  const run = async () => {
    await connection.run(`CREATE OR REPLACE TABLE ${table} AS ${sql}`);
  };
  return { operations: 541_909, run };
}

/** The run is worth nothing if the answers differ. */
async function compare(a: string, b: string): Promise<void> {
  const difference = await connection.runAndReadAll(
    `SELECT COUNT(*) FROM ((SELECT * FROM ${a} EXCEPT ALL SELECT * FROM ${b}) UNION ALL (SELECT * FROM ${b} EXCEPT ALL SELECT * FROM ${a}))`,
  );
  const [[count]] = difference.getRows();
  if (count !== 0n) throw new Error(`${a} and ${b} differ in ${count} rows`);
}

function query(): string {
  const { sql } = pointInTimeQuery({
    service: service(),
    spine: '(SELECT line AS _id, sold AS _at, customer FROM raw)',
    mode: 'corrected',
    deliveriesOf: () => 'raw',
    generationsOf: () => '',
    counts: false,
    dialect: duckdb,
  });
  return sql;
}

function service(): FeatureServiceData {
  const text = { type: 'text', nullable: true } as const;
  const int = { type: 'int', nullable: true } as const;
  const source: EventSourceData = {
    kind: 'eventSource',
    name: 'lines',
    version: 1,
    id: 'line',
    time: 'sold',
    columns: {
      line: text,
      sold: { type: 'time', nullable: false },
      customer: text,
      sku: text,
      quantity: int,
      price: int,
    },
    latenessMs: 0,
    futureSkewMs: 0,
  };
  const quantity = { kind: 'column', name: 'quantity' } as const;
  const price = { kind: 'column', name: 'price' } as const;
  const sku = { kind: 'column', name: 'sku' } as const;
  const amount = { kind: 'arithmetic', op: 'multiply', left: quantity, right: price } as const;
  const aggregates: readonly AggregateSpec[] = [
    { name: 'lines', kind: 'count', input: null, inputType: null, params: {} },
    { name: 'quantity', kind: 'sum', input: quantity, inputType: int, params: {} },
    { name: 'amount', kind: 'sum', input: amount, inputType: int, params: {} },
    { name: 'price', kind: 'max', input: price, inputType: int, params: {} },
    { name: 'first', kind: 'first', input: sku, inputType: text, params: {} },
    { name: 'last', kind: 'last', input: sku, inputType: text, params: {} },
  ];
  const view: StreamViewData = {
    kind: 'streamView',
    name: 'spend',
    version: 1,
    source,
    entity: { kind: 'entity', name: 'customer', key: { customer: text } },
    key: { customer: 'customer' },
    aggregates,
    features: windows.flatMap(({ name, windowMs, hopMs }) =>
      aggregates.map((spec, aggregate) => ({
        name: `${spec.name}_${name}`,
        aggregate,
        windowMs,
        hopMs,
        type: aggregateOf(spec).result,
      })),
    ),
    hopsMs: [300_000, 3_600_000, 86_400_000],
    freshnessMs: 1000,
    ttlMs: null,
  };
  const features = view.features.map(({ name }) => name);
  return {
    kind: 'featureService',
    name: 'customer',
    version: 1,
    request: { customer: text },
    p99Ms: null,
    lookups: [{ alias: 'c', view, key: { customer: 'customer' }, features }],
    computed: [],
    features: [],
  };
}

function floor(sql: string, hopMs: number): string {
  return `(${sql} - (((${sql}) % ${hopMs}) + ${hopMs}) % ${hopMs})`;
}

/** Tiles of every hop, then for each window its tiles and the head's raw events, joined to the distinct questions. */
function tilesAndHead(): string {
  const hops = [...new Set(windows.map(({ hopMs }) => hopMs))];
  const tiles = hops.map(
    (
      hop,
    ) => `tiles_${hop} AS (SELECT customer, ${floor('sold', hop)} AS start, COUNT(*) AS n, SUM(quantity) AS quantity,
      SUM(quantity * price) AS amount, MAX(price) AS price, MIN(${stamp}) AS first, MAX(${stamp}) AS last
      FROM raw WHERE customer IS NOT NULL GROUP BY ALL),
    heads_${hop} AS (SELECT *, ${stamp} AS stamped, ${floor('sold', hop)} AS start FROM raw WHERE customer IS NOT NULL)`,
  );
  const answers = windows.map(
    ({ name, windowMs, hopMs }) => `answers_${name} AS (
      SELECT customer, q, SUM(n) AS lines_${name}, SUM(quantity) AS quantity_${name}, SUM(amount) AS amount_${name}, MAX(price) AS price_${name},
        SUBSTRING(MIN(first), 52) AS first_${name}, SUBSTRING(MAX(last), 52) AS last_${name} FROM (
        SELECT p.customer, p.q, t.n, t.quantity, t.amount, t.price, t.first, t.last FROM points AS p JOIN tiles_${hopMs} AS t
          ON t.customer = p.customer AND t.start >= ${floor(`(p.q - ${windowMs})`, hopMs)} AND t.start < ${floor('p.q', hopMs)}
        UNION ALL SELECT p.customer, p.q, 1, e.quantity, e.quantity * e.price, e.price, e.stamped, e.stamped FROM points AS p JOIN heads_${hopMs} AS e
          ON e.customer = p.customer AND e.start = ${floor('p.q', hopMs)} AND e.sold < p.q
        UNION ALL SELECT customer, q, 0, NULL, NULL, NULL, NULL, NULL FROM points) GROUP BY customer, q)`,
  );
  const points = 'points AS (SELECT DISTINCT customer, sold AS q FROM raw WHERE customer IS NOT NULL)';
  const joins = windows.map(
    ({ name }) =>
      `LEFT JOIN answers_${name} AS a_${name} ON a_${name}.customer = raw.customer AND a_${name}.q = raw.sold`,
  );
  return `WITH ${[points, ...tiles, ...answers].join(',\n')} SELECT ${columns((name, window) => `a_${window}.${name}_${window}`)} FROM raw ${joins.join('\n')}`;
}

/** Events and questions in one order, each question looking back over its own frame length. */
function frames(): string {
  const frame = windows.map(
    ({ name, windowMs, hopMs }) =>
      `w_${name} AS (PARTITION BY customer ORDER BY t RANGE BETWEEN (t - ${floor(`(t - ${windowMs})`, hopMs)}) PRECEDING AND 1 PRECEDING)`,
  );
  const over = windows.map(
    ({
      name,
    }) => `COUNT(line) OVER w_${name} AS lines_${name}, SUM(quantity) OVER w_${name} AS quantity_${name}, SUM(amount) OVER w_${name} AS amount_${name},
      MAX(price) OVER w_${name} AS price_${name}, SUBSTRING(MIN(stamped) OVER w_${name}, 52) AS first_${name}, SUBSTRING(MAX(stamped) OVER w_${name}, 52) AS last_${name}`,
  );
  return `WITH both_kinds AS (
    SELECT customer, sold AS t, line, quantity, quantity * price AS amount, price, ${stamp} AS stamped, FALSE AS is_question FROM raw WHERE customer IS NOT NULL
    UNION ALL SELECT DISTINCT customer, sold, NULL, NULL, NULL, NULL, NULL, TRUE FROM raw WHERE customer IS NOT NULL),
  framed AS (SELECT * FROM (SELECT customer, t, is_question, ${over.join(', ')} FROM both_kinds WINDOW ${frame.join(', ')}) WHERE is_question)
  SELECT ${columns((name, window) => `f.${name}_${window}`)} FROM raw LEFT JOIN framed AS f ON f.customer = raw.customer AND f.t = raw.sold`;
}

function columns(of: (name: string, window: string) => string): string {
  const names = ['lines', 'quantity', 'amount', 'price', 'first', 'last'];
  const answers = windows.flatMap(({ name: window }) =>
    names.map((name) => {
      const sql = of(name, window);
      const whole = ['lines', 'quantity', 'amount'].includes(name) ? `CAST(${sql} AS BIGINT)` : sql;
      return `${whole} AS c_${name}_${window}`;
    }),
  );
  return ['line AS _id', 'sold AS _at', 'raw.customer AS customer', ...answers].join(', ');
}
