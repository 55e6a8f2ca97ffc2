import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import { bucketAndRho } from '../../src/features/aggregate/approx-distinct.ts';
import { estimateOf, type Registers, raise } from '../../src/features/aggregate/registers.ts';
import {
  count,
  decimal,
  defineProject,
  entity,
  eventSource,
  featureService,
  int,
  lookup,
  max,
  nullable,
  streamView,
  sum,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { INGEST_TS } from '../../src/features/plan/raw-table.ts';
import { FeatureStore } from '../../src/featurestore/feature-store.ts';
import { type ColumnProfile, distinctOf } from '../../src/monitoring/features/column-profile.ts';
import { type FeaturesReport, featuresReport } from '../../src/monitoring/features/features-report.ts';
import { profileTable } from '../../src/monitoring/features/profile-sql.ts';
import { reportText } from '../../src/monitoring/features/report-text.ts';
import { readVolume } from '../../src/monitoring/features/volume.ts';
import type { OfflineStore } from '../../src/ports/offline-store.ts';
import { MemoryEventLog } from '../memory/event-log.ts';
import { MemoryOnlineStore } from '../memory/online-store.ts';

const HOUR_MS = 3_600_000;
const WEEK_MS = 7 * 24 * HOUR_MS;
const START = Date.UTC(2026, 0, 29, 12);

const sales = eventSource('sales', {
  id: 'id',
  time: 'at',
  lateness: '2h',
  columns: {
    id: text(),
    at: time(),
    user: text(),
    price: decimal(2, { range: [0, 100], unit: 'EUR' }),
    coupon: nullable(text()),
  },
});
const spend = streamView('spend', {
  source: sales,
  entity: entity('user', { user: text() }),
  key: { user: 'user' },
  windows: ['1h'],
  freshness: '1s',
  features: (e) => ({ sales: count(), dearest: max(e.price), spent: sum(e.price) }),
});
const shopper = featureService('shopper', {
  request: { user: nullable(text()), seen: int({ range: [0, 10] }) },
  join: (r) => ({ spend: lookup(spend, { user: r.user }) }),
  compute: (r) => ({ seen: r.seen }),
});

let path = '';
let offline: OfflineStore;
let report: FeaturesReport;
const place = { now: START };

beforeAll(async () => {
  path = mkdtempSync(join(tmpdir(), 'headrace-report-'));
  offline = await openOfflineStore({ path, access: 'write', clock: Date.now });
  const store = await FeatureStore.open({
    project: defineProject('shop', { shopper }),
    log: new MemoryEventLog(),
    online: new MemoryOnlineStore(),
    offline,
    partitions: 2,
    memoryBytes: 1_000 * 2_000,
    sampleRate: 1,
    retention: { logAgeMs: 1e12, logBytes: 1e12, historyBytes: 1e12 },
    clock: () => place.now,
    onComputeError: (_, error) => {
      throw error;
    },
  });
  const sale = (id: string, more: object = {}) => ({
    id,
    at: place.now,
    user: 'ann',
    price: '5.00',
    coupon: null,
    ...more,
  });
  const sell = (prefix: string, events: number) =>
    store.ingest(
      sales,
      Array.from({ length: events }, (_, i) => sale(`${prefix}-${i}`)),
    );
  for (const [week, events] of [
    [3, 10],
    [2, 12],
    [1, 20],
  ]) {
    place.now = START - week * WEEK_MS;
    await sell(`w${week}`, events);
  }
  place.now = START;
  await store.ingest(sales, [
    sale('a', { price: '0.00', coupon: 'x<y' }),
    sale('b', { price: '120.50', at: START - HOUR_MS }),
    sale('c', { user: 'bob', at: START - 3 * HOUR_MS }),
    sale('d', { price: 'much' }),
    sale('e', { price: 'more' }),
    sale('f', { colour: 'red' }),
    sale('g', { at: START + HOUR_MS }),
  ]);
  place.now += 1;
  for (const seen of [0, 3, 11]) await store.vector(shopper, { user: seen === 3 ? null : 'ann', seen });
  place.now = START + HOUR_MS;
  await store.flush();
  report = await featuresReport(store.project, offline, START, place.now);
});

afterAll(async () => {
  await offline.close();
  rmSync(path, { recursive: true, force: true });
});

test('served features: nulls, zeros, missing answers, range and extremes of the logged vectors', () => {
  const [service] = report.services;
  expect(service).toMatchObject({ service: 'shopper', vectors: 3 });
  const byName = new Map(service.features.map((feature) => [feature.name, feature]));
  expect(byName.get('seen')).toMatchObject({
    tier: 'request',
    profile: { rows: 3, nulls: 0, zeros: 1, outOfRange: 1, least: 0, greatest: 11 },
    distinct: 3,
    ageMs: null,
  });
  expect(byName.get('spend_sales_1h')).toMatchObject({
    profile: { missing: 1, nulls: 0 },
    tier: 'streaming',
    budgetMs: 1_000,
  });
  expect(byName.get('spend_sales_1h')?.ageMs).toBe(HOUR_MS);
  expect(byName.get('spend_dearest_1h')).toMatchObject({ profile: { greatest: 120.5 }, missingRate: 1 / 3 });
});

test('events: nulls, zeros, range, what was refused by column, and how late they came', () => {
  const [source] = report.sources;
  const byName = new Map(source.columns.map((column) => [column.name, column]));
  expect(byName.get('price')).toMatchObject({
    profile: { rows: 3, zeros: 1, outOfRange: 1, least: 0, greatest: 120.5, sum: 125.5 },
    refused: 2,
  });
  expect(byName.get('coupon')).toMatchObject({ profile: { nulls: 2 }, distinct: 1 });
  expect(source.lateness).toMatchObject({ p50Ms: HOUR_MS, mostMs: 3 * HOUR_MS, tooLate: 1 });
  expect(source.lateness.bins.reduce((sum, { deliveries }) => sum + deliveries, 0)).toBe(3);
});

test('refused events are kept with code, column, count, reason and the newest one', () => {
  expect(report.sources[0].quarantined).toMatchObject([
    { code: 'EVENT_TYPE', column: 'price', events: 2, at: START, sample: expect.stringContaining('"more"') },
    { code: 'EVENT_FUTURE', column: null, events: 1 },
    { code: 'EVENT_UNKNOWN_COLUMN', column: null, events: 1, reason: expect.stringContaining('colour') },
  ]);
});

test('an hour is compared with the median of the same hour of the past weeks', () => {
  expect(report.sources[0].volume).toMatchObject({
    deliveries: 3,
    hours: [{ hour: START, deliveries: 3, usual: 12, whole: true, verdict: 'little' }],
  });
});

test('an hour of few deliveries is no sign of anything, one without any where many are usual is', async () => {
  const deliveries = [
    [START - WEEK_MS, 9],
    [START - WEEK_MS + HOUR_MS, 4],
    [START - WEEK_MS + 2 * HOUR_MS, 10],
    [START + HOUR_MS, 10],
  ].flatMap(([at, count]) => Array.from({ length: count }, () => `(${at})`));
  const relation = `(SELECT * FROM (VALUES ${deliveries.join(', ')}) AS v(${INGEST_TS}))`;
  const { hours } = await readVolume(offline, relation, START, START + 3 * HOUR_MS);
  expect(hours.map(({ deliveries, usual, verdict }) => [deliveries, usual, verdict])).toEqual([
    [0, 9, null],
    [10, 4, 'much'],
    [0, 10, 'little'],
  ]);
});

test('what stands out is reported in the terminal and in a page that escapes what it shows', () => {
  expect(report.findings).toEqual([
    'sales: 2 events refused, EVENT_TYPE in price',
    'sales: 1 event refused, EVENT_FUTURE',
    'sales: 1 event refused, EVENT_UNKNOWN_COLUMN',
    'sales: 1 delivery too late to count',
    'sales: little in the hour of 2026-01-29T12:00Z: 3, usual is 12',
    'sales: price is outside 0 to 100 in 33.3 %',
    'shopper: spend_sales_1h has no answer in 33.3 %',
    'shopper: spend_dearest_1h has no answer in 33.3 %',
    'shopper: spend_dearest_1h is outside 0 to 100 in 66.7 %',
    'shopper: spend_spent_1h has no answer in 33.3 %',
    'shopper: seen is outside 0 to 10 in 33.3 %',
  ]);
  expect(reportText(report)).toMatch(/^ {2}price +decimal +0 % +33.3 % +0 % +33.3 % +3 +0 +41.83 +120.5$/m);
});

const anyText = fc.array(
  fc.option(
    fc.string({ maxLength: 4 }).filter((t) => !t.includes('\0')),
    { nil: null },
  ),
  { maxLength: 40 },
);

async function profileOf(values: readonly (string | null)[]): Promise<ColumnProfile> {
  const rows = values.map((value) => `(${value === null ? 'NULL' : `'${value.replaceAll("'", "''")}'`})`);
  const relation =
    rows.length === 0 ? '(SELECT NULL AS v WHERE false)' : `(SELECT v FROM (VALUES ${rows.join(', ')}) AS r(v))`;
  const columns = [{ name: 'v', column: 'v', spec: { type: 'text', nullable: true } as const }];
  const profile = (await profileTable(offline, { relation, where: 'true', columns, missing: null })).get('v');
  if (profile === undefined) throw new Error('no profile');
  return profile;
}

test('the sketch of a profile is that of the aggregate', async () => {
  await fc.assert(
    fc.asyncProperty(anyText, anyText, async (a, b) => {
      const whole = await profileOf([...a, ...b]);
      const texts = new Set([...a, ...b].filter((value) => value !== null));
      let registers: Registers | null = null;
      for (const value of texts) {
        const packed = bucketAndRho(value);
        registers = raise(registers, packed >> 6, packed & 63);
      }
      expect(whole.registers).toEqual(registers ?? []);
      expect(distinctOf(whole)).toBe(Math.round(estimateOf(registers)));
    }),
    { numRuns: 15 },
  );
});
