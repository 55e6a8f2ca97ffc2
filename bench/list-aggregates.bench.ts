import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { openOfflineStore } from '../src/backends/embedded/offline/offline-store.ts';
import { randomBelow, seededRandom } from '../src/base/rng.ts';
import {
  distinct,
  entity,
  eventSource,
  featureService,
  int,
  lastN,
  lookup,
  quantile,
  streamView,
  text,
  time,
  topK,
} from '../src/features/define/declare.ts';
import { rawTable } from '../src/features/plan/raw-table.ts';
import { joinSpine } from '../src/featurestore/training-set/join-spine.ts';
import { printFigure } from './figure.ts';
import { scratchDirectory } from './shop.ts';

/**
 * Training sets of `distinct`, `quantile`, `lastN` and `topK` over few busy keys, at the default memory of the history: seconds and peak memory of a
 * process. The yardstick is SQL as one writes it by hand for DuckDB over the same file: frames of variable length, LAG for the last
 * values and MODE for the most frequent one. `HEADRACE_BENCH_ROWS` takes fewer rows, `HEADRACE_BENCH_KEYS` other numbers of keys.
 */
const ROWS = Number(process.env['HEADRACE_BENCH_ROWS'] ?? 1_000_000);
const KEYS = Number(process.env['HEADRACE_BENCH_KEYS'] ?? 3);
const ITEMS = 5_000;
const HOUR_MS = 3_600_000;
const WINDOW_MS = 24 * HOUR_MS;
const HOP_MS = HOUR_MS;
const START = Date.UTC(2026, 0, 1);
const SPAN_MS = 30 * WINDOW_MS;
const MEMORY_BYTES = 256 * 2 ** 20;

const sales = eventSource('sales', {
  id: 'sale',
  time: 'at',
  columns: { sale: text(), at: time(), shop: text(), item: text(), cents: int() },
});
const shop = entity('shop', { shop: text() });
const busy = streamView('busy', {
  source: sales,
  entity: shop,
  key: { shop: 'shop' },
  windows: ['1d'],
  hops: { '1d': '1h' },
  freshness: '1s',
  features: ({ item, cents }) => ({
    items: distinct(item, { cap: 100_000 }),
    median: quantile(cents, 0.5),
    recent: lastN(item, 3),
    favourite: topK(item, 1),
  }),
});
const service = featureService('busy', {
  request: { shop: text() },
  join: (r) => ({ b: lookup(busy, { shop: r.shop }) }),
});

/** What a process took for its work. */
interface Taken {
  readonly seconds: number;
  /** Of all threads: depends less on other load. */
  readonly processorSeconds: number;
  readonly peakMiB: number;
}

const [, , work, directory = '', rows = ''] = process.argv;
if (work === undefined) await main();
else console.log(JSON.stringify(await taken(work, directory, Number(rows))));

async function main(): Promise<void> {
  const path = scratchDirectory();
  try {
    for (const count of [100_000, 1_000_000].filter((each) => each <= ROWS)) {
      await publish(join(path, String(count)), count);
      const ours = child('ours', join(path, String(count)), count);
      const byHand = child('by-hand', join(path, String(count)), count);
      await compare(join(path, String(count)));
      const about = `training set, ${count.toLocaleString('en-US')} rows of 4 list aggregates, ${KEYS} keys`;
      const yardstick = 'hand-written SQL (frames, LAG, MODE)';
      printFigure({
        name: about,
        unit: 's',
        value: ours.seconds,
        yardstick,
        yardstickValue: byHand.seconds,
        aim: { of: 'ratio', atMost: 2 },
      });
      printFigure({
        name: `${about}: processor time`,
        unit: 's',
        value: ours.processorSeconds,
        yardstick,
        yardstickValue: byHand.processorSeconds,
        aim: { of: 'ratio', atMost: 2 },
      });
      printFigure({
        name: `${about}: peak memory of the process`,
        unit: 'MiB',
        value: ours.peakMiB,
        yardstick,
        yardstickValue: byHand.peakMiB,
        aim: { of: 'value', atMost: 1_024 },
      });
    }
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

function child(name: string, path: string, count: number): Taken {
  const args = [...process.execArgv, import.meta.filename, name, path, String(count)];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Taken;
}

async function taken(name: string, path: string, count: number): Promise<Taken> {
  const started = performance.now();
  await (name === 'ours' ? ours(path, count) : byHand(path));
  const seconds = (performance.now() - started) / 1_000;
  const { user, system } = process.cpuUsage();
  return {
    seconds,
    processorSeconds: (user + system) / 1e6,
    peakMiB: Math.round(process.resourceUsage().maxRSS / 1_024),
  };
}

function open(path: string) {
  const { HEADRACE_BENCH_MEMORY: memory = MEMORY_BYTES } = process.env;
  return openOfflineStore({ path, access: 'write', clock: () => START, memoryLimitBytes: Number(memory) });
}

/** Sales of few shops, whose items are of very different frequency; the spine asks at the instant of each. */
async function publish(path: string, count: number): Promise<void> {
  const store = await open(path);
  const random = seededRandom(7);
  const table = rawTable(sales);
  for (let first = 0; first < count; first += 100_000) {
    const some = Array.from({ length: Math.min(100_000, count - first) }, (_, i) => first + i);
    const at = some.map((i) => BigInt(START + Math.floor((i * SPAN_MS) / count)));
    const columns = [
      some.map((i) => `s${String(i).padStart(8, '0')}`),
      at,
      some.map(() => `shop-${randomBelow(random, KEYS)}`),
      some.map(() => `item-${randomBelow(random, 1 + randomBelow(random, ITEMS))}`),
      some.map(() => BigInt(100 + randomBelow(random, 100_000))),
      at,
      some.map(() => 0n),
      some.map((i) => BigInt(i)),
      some.map(() => 'accepted'),
    ];
    const append = { table, rows: some.length, columns };
    await store.publish({
      writer: 'bench',
      position: { sales: [first + some.length] },
      mode: 'append',
      tables: [append],
    });
  }
  await store.exportParquet(`SELECT sale, "at", shop FROM ${store.relation(table)}`, join(path, 'spine.parquet'));
  await store.exportParquet(`SELECT * FROM ${store.relation(table)}`, join(path, 'sales.parquet'));
  await store.close();
}

async function ours(path: string, sliceRows: number): Promise<void> {
  const store = await open(path);
  const spine = { path: join(path, 'spine.parquet'), time: 'at' };
  const options = {
    service,
    offline: store,
    engine: null,
    spine,
    mode: 'corrected',
    now: START + 2 * SPAN_MS,
  } as const;
  const { cuts } = await joinSpine({ ...options, onComputeError: () => undefined }, join(path, 'ours.parquet'));
  if (cuts > 0) console.error(`${cuts} cuts of ${sliceRows} rows`);
  await store.close();
}

async function byHand(path: string): Promise<void> {
  const settings = { threads: '2', memory_limit: '256MiB', temp_directory: join(path, 'scratch') };
  const connection = await (await DuckDBInstance.create(':memory:', settings)).connect();
  const from = `("at" - ("at" - ${WINDOW_MS} - ("at" - ${WINDOW_MS}) % ${HOP_MS}))`;
  const latest = [1, 2, 3].map(
    (back) => `CASE WHEN LAG("at", ${back}) OVER o >= "at" - ${from} THEN LAG(item, ${back}) OVER o END`,
  );
  await connection.run(`COPY (
    SELECT sale, "at", shop, COUNT(DISTINCT item) OVER w AS items, QUANTILE_DISC(cents, 0.5) OVER w AS median,
      LIST_FILTER([${latest.join(', ')}], lambda x: x IS NOT NULL) AS recent, MODE(item) OVER w AS favourite
    FROM '${join(path, 'sales.parquet')}'
    WINDOW w AS (PARTITION BY shop ORDER BY "at" RANGE BETWEEN ${from} PRECEDING AND 1 PRECEDING),
      o AS (PARTITION BY shop ORDER BY "at", sale)
    ) TO '${join(path, 'by-hand.parquet')}' (FORMAT PARQUET, COMPRESSION ZSTD)`);
  connection.closeSync();
}

/** The run is worth nothing if the answers differ. Quantiles of sketches are near; ties of the most frequent item are free. */
async function compare(path: string): Promise<void> {
  const connection = await (await DuckDBInstance.create(':memory:', { threads: '2' })).connect();
  const reader = await connection.runAndReadAll(`SELECT COUNT(*),
      COUNT(*) FILTER (a.b_items_1d IS DISTINCT FROM b.items OR ABS(a.b_median_1d - b.median) > 0.008 * b.median)
    FROM '${join(path, 'ours.parquet')}' AS a JOIN '${join(path, 'by-hand.parquet')}' AS b USING (sale)`);
  const [[count, differing]] = reader.getRows();
  connection.closeSync();
  if (count === 0n || differing !== 0n) throw new Error(`${differing} of ${count} rows differ`);
}
