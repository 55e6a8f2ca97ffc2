import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { compareText } from '../../src/base/text-order.ts';
import type {
  EventSourceData,
  FeatureServiceData,
  ProjectData,
  StreamViewData,
} from '../../src/features/define/declaration.ts';
import {
  bool,
  changeSource,
  count,
  defineProject,
  distinct,
  entity,
  eventSource,
  featureService,
  int,
  int64,
  lookup,
  max,
  mean,
  nullable,
  over,
  streamView,
  sum,
  text,
  time,
  topK,
} from '../../src/features/define/declare.ts';
import type { Delivery } from '../../src/features/engine/delivery.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { parseJsonExact, rawInteger } from '../../src/schema/json-exact.ts';
import { rowParser } from '../../src/schema/row-parser.ts';
import { naiveAnswers } from '../../src/testing/oracle/naive-scan.ts';
import { csvRows, hasSharedData, sharedText, whySkipped } from '../tiles/shared-data.ts';

const DAY = 86_400_000;

type Row = Readonly<Record<string, unknown>>;

/** Takes events in order of their times, each as it happens; then joins a spine, and gives the features of its rows. */
async function trained(
  project: ProjectData,
  source: EventSourceData,
  events: readonly Row[],
  of: FeatureServiceData,
  spine: {
    readonly name: string;
    readonly text: string;
    readonly time: string;
    readonly columns?: Readonly<Record<string, string>>;
  },
): Promise<readonly Row[]> {
  const directory = mkdtempSync(join(tmpdir(), 'chronon-'));
  let now = 0;
  const headrace = await openHeadrace({ project, environment: { directory }, clock: () => now });
  onTestFinished(async () => {
    await headrace.close();
    rmSync(directory, { recursive: true });
  });
  for (const event of [...events].sort((a, b) => Number(a[source.time]) - Number(b[source.time]))) {
    now = Number(event[source.time]) + 1;
    expect((await headrace.ingest(source, [event])).refused).toEqual([]);
  }
  const path = join(directory, spine.name);
  writeFileSync(path, spine.text);
  const out = join(directory, 'out.parquet');
  const { time: at, columns } = spine;
  await headrace.writeTrainingSet(of, out, {
    spine: { path, time: at, ...(columns === undefined ? {} : { columns }) },
  });
  const names: string[] = [];
  for await (const rows of headrace.history.query(`DESCRIBE FROM '${out}'`))
    names.push(...rows.map(([name]) => String(name)));
  const found: Row[] = [];
  for await (const rows of headrace.history.query(`FROM '${out}'`))
    found.push(...rows.map((row) => Object.fromEntries(names.map((name, i) => [name, plain(row[i])]))));
  return found;
}

const plain = (value: unknown): unknown =>
  typeof value === 'bigint' && BigInt(Number(value)) === value ? Number(value) : value;

/** What a scan of the events answers at a row of the spine. */
function scanned(view: StreamViewData, events: readonly Row[], key: string, q: number): readonly unknown[] {
  const { source } = view;
  const parse = rowParser(source);
  const deliveries = events.map((event, i): Delivery => {
    const ts = Number(event[source.time]);
    return { id: `e${i}`, ts, ingestTs: ts + 1, row: parse(event) };
  });
  return naiveAnswers(view, deliveries, key, q).map((value) => plain(value ?? null));
}

interface FetcherRows {
  readonly event_only: {
    readonly left: readonly Row[];
    readonly right: readonly Row[];
    readonly start_partition: string;
    readonly end_partition: string;
    readonly derived_expected: readonly (Row & {
      readonly rating_approx_histogram_k_1d: Readonly<Record<string, number>>;
    })[];
  };
  readonly mutation: {
    readonly left: readonly Row[];
    readonly snapshot: readonly Row[];
    readonly mutations: readonly Row[];
  };
}

const listing = entity('listing', { listing: int64() });

describe.skipIf(!hasSharedData)(`rows of Chronon's own tests${whySkipped}`, () => {
  const fetcher = () => parseJsonExact(sharedText('chronon/chronon_fetcher_rows.json')) as FetcherRows;
  const lines = (rows: readonly Row[]) =>
    // An id beyond 2^53 is written digit by digit.
    rows
      .map((row) => `${JSON.stringify(row, (_, value) => (typeof value === 'bigint' ? rawInteger(value) : value))}\n`)
      .join('');

  test('the fetcher’s events give its sums, averages, histograms and counts, for every row of its left side', async () => {
    const { event_only: rows } = fetcher();
    const source = eventSource('ratings', {
      id: 'id',
      time: 'ts',
      columns: { id: text(), ts: time(), listing_id: nullable(int64()), rating: int() },
    });
    const view = streamView('by_listing', {
      source,
      entity: listing,
      key: { listing: 'listing_id' },
      freshness: '1s',
      windows: ['1d', '2d'],
      hops: { '1d': '1h', '2d': '1h' },
      features: ({ rating }) => ({
        total: over(['ever'], sum(rating)),
        average: mean(rating),
        histogram: topK(rating, 10),
        different: distinct(rating),
      }),
    });
    const service = featureService('listings', {
      request: { listing_id: nullable(int64()) },
      join: (r) => ({
        l: lookup(view, { listing: r.listing_id }, ['total', 'average_2d', 'histogram_1d', 'different_1d']),
      }),
    });
    const events = rows.right
      .filter(({ ds }) => String(ds) >= rows.start_partition && String(ds) <= rows.end_partition)
      .map(({ listing_id, ts, rating }, i) => ({ id: `e${i}`, ts, listing_id, rating }));
    const left = { name: 'left.jsonl', text: lines(rows.left), time: 'ts' };
    const found = await trained(defineProject('reviews', { service }), source, events, service, left);
    expect(found).toHaveLength(5);
    for (const row of found) {
      const expected = rows.derived_expected.find(({ listing_id }) => listing_id === row['listing_id']);
      const histogram = Object.entries(expected?.rating_approx_histogram_k_1d ?? {});
      const ranked = histogram.sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).map(([rating]) => BigInt(rating));
      expect([row['l_total'], row['l_average_2d'], row['l_histogram_1d'], row['l_different_1d']]).toEqual(
        expected === undefined
          ? [null, null, null, null]
          : [expected['rating_sum'], expected['rating_average_2d'], ranked, expected['rating_bounded_unique_count_1d']],
      );
    }
  });

  test('the fetcher’s changes of a listing beyond 2^53 give what a scan gives', async () => {
    const { mutation: rows } = fetcher();
    const source = changeSource('ratings', {
      id: 'id',
      time: 'at',
      row: { id: 'row', time: 'ts' },
      before: 'gone',
      columns: {
        id: text(),
        at: time(),
        row: text(),
        ts: time(),
        gone: bool(),
        listing: nullable(int64()),
        rating: int(),
      },
    });
    const view = streamView('by_listing', {
      source,
      entity: listing,
      key: { listing: 'listing' },
      freshness: '1s',
      windows: ['1d', 'ever'],
      features: ({ rating }) => ({ total: sum(rating), average: mean(rating), top: max(rating) }),
    });
    const service = featureService('listings', {
      request: { listing_id: nullable(int64()) },
      join: (r) => ({ l: lookup(view, { listing: r.listing_id }) }),
    });
    const image = ({ listing: of, ts, rating }: Row) => ({
      row: `${of}.${ts}.${rating}`.slice(-36),
      ts,
      listing: of,
      rating,
    });
    const [first] = rows.snapshot.map(({ ds }) => String(ds)).sort(compareText);
    const end = Date.parse(`${first}T00:00:00Z`) + DAY - 1;
    const changes = [
      ...rows.snapshot.filter(({ ds }) => ds === first).map((row) => ({ ...image(row), at: end, gone: false })),
      ...rows.mutations.map((row) => ({ ...image(row), at: row['mutation_time'], gone: row['is_before_reversal'] })),
    ].map((change, i) => ({ ...change, id: `c${i}` }));
    const left = { name: 'left.jsonl', text: lines(rows.left), time: 'ts', columns: { listing_id: 'listing_id' } };
    const found = await trained(defineProject('reviews', { service }), source, changes, service, left);
    expect(found.map(({ listing_id }) => listing_id)).toContain(595_125_622_443_733_822n);
    expect(found.map((row) => view.features.map(({ name }) => row[`l_${name}`]))).toEqual(
      found.map((row) => scanned(view, changes, String(row['listing_id']), Number(row['ts']))),
    );
    expect(found.some(({ l_total }) => l_total !== null)).toBe(true);
  });

  test('the quick start’s purchases by user are those of a scan at every checkout, by ts and not by ds', async () => {
    const source = eventSource('purchases', {
      id: 'purchase_id',
      time: 'ts',
      columns: { purchase_id: text(), ts: time(), user_id: text(), purchase_price: int() },
    });
    const view = streamView('by_user', {
      source,
      entity: entity('user', { user: text() }),
      key: { user: 'user_id' },
      freshness: '1s',
      windows: ['3d', '14d', '30d'],
      features: ({ purchase_price: price }) => ({ n: count(), total: sum(price), average: mean(price) }),
    });
    const service = featureService('checkout', {
      request: { user: text() },
      join: (r) => ({ p: lookup(view, { user: r.user }) }),
    });
    const purchases = [...csvRows(sharedText('chronon/quickstart/purchases.csv'))];
    const events = purchases.map(({ purchase_id, ts, user_id, purchase_price }) => ({
      purchase_id,
      ts: Number(ts),
      user_id,
      purchase_price: Number(purchase_price),
    }));
    const moved = purchases.filter(({ ds, ts }) => new Date(Number(ts)).toISOString().slice(0, 10) !== ds);
    expect([events.length, moved.length]).toEqual([500, 481]);
    const found = await trained(defineProject('shop', { service }), source, events, service, {
      name: 'checkouts.csv',
      text: sharedText('chronon/quickstart/checkouts.csv'),
      time: 'ts',
      columns: { user: 'user_id' },
    });
    expect(found).toHaveLength(200);
    expect(found.map((row) => view.features.map(({ name }) => row[`p_${name}`]))).toEqual(
      found.map((row) => scanned(view, events, String(row['user_id']), Number(row['ts']))),
    );
  });
});
