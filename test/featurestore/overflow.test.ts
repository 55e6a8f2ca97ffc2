import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, expect, test } from 'vitest';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import { MemoryEventLog } from '../../src/backends/memory/event-log.ts';
import { MemoryOnlineStore } from '../../src/backends/memory/online-store.ts';
import type { StreamViewData } from '../../src/features/define/declaration.ts';
import {
  count,
  decimal,
  defineProject,
  entity,
  eventSource,
  featureService,
  int,
  int64,
  lookup,
  mean,
  streamView,
  sum,
  text,
  time,
  variancePop,
} from '../../src/features/define/declare.ts';
import { tileTable } from '../../src/features/plan/tile-table.ts';
import { FeatureStore } from '../../src/featurestore/feature-store.ts';

const START = Date.UTC(2026, 0, 1);
const MOST_INT64 = (2n ** 63n - 1n).toString();
const LEAST_INT64 = (-(2n ** 63n)).toString();

const payments = eventSource('payments', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), user: text(), cents: int(), units: int64(), amount: decimal(2) },
});
const user = entity('user', { user: text() });
const base = {
  source: payments,
  entity: user,
  key: { user: 'user' },
  freshness: '1s',
  windows: ['1h', 'ever'],
} as const;

/** Every aggregate that sums, over every type that it takes. */
const sums = streamView('sums', {
  ...base,
  features: (e) => ({
    cents: sum(e.cents),
    units: sum(e.units),
    amount: sum(e.amount),
    mean_cents: mean(e.cents),
    mean_units: mean(e.units),
    mean_amount: mean(e.amount),
    spread_cents: variancePop(e.cents),
    spread_amount: variancePop(e.amount),
  }),
});
const counts = streamView('counts', { ...base, features: () => ({ n: count() }) });
const service = featureService('payer', {
  request: { user: text() },
  join: (r) => ({ sums: lookup(sums, { user: r.user }), counts: lookup(counts, { user: r.user }) }),
});
const project = defineProject('shop', { service });
const streamViews: readonly StreamViewData[] = [sums, counts];

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

async function storeOf() {
  const folder = mkdtempSync(`${tmpdir()}/headrace-overflow-`);
  folders.push(folder);
  const here = { now: START };
  const offline = await openOfflineStore({ path: folder, access: 'write', clock: () => here.now });
  const [log, online] = [new MemoryEventLog(), new MemoryOnlineStore()];
  const open = () =>
    FeatureStore.open({
      project,
      log,
      online,
      offline,
      partitions: 2,
      memoryBytes: 100 * 2_000,
      sampleRate: 0,
      retention: { logAgeMs: 1e12, logBytes: 1e12, historyBytes: 1e12 },
      clock: () => here.now,
      onComputeError: (_, error) => {
        throw error;
      },
    });
  return { here, offline, open };
}

function event(id: string, at: number, user: string, ends: 'most' | 'least' | 'small') {
  const whole = { most: Number.MAX_SAFE_INTEGER, least: Number.MIN_SAFE_INTEGER, small: 3 }[ends];
  const wide = { most: MOST_INT64, least: LEAST_INT64, small: '3' }[ends];
  const amount = { most: '92233720368547758.07', least: '-92233720368547758.08', small: '0.03' }[ends];
  return { id, at, user, cents: whole, units: wide, amount };
}

test.each(['most', 'least'] as const)('sums that leave their type stop nothing: %s values', async (ends) => {
  const { here, offline, open } = await storeOf();
  const store = await open();
  const events = [
    ...[1, 2, 3].map((i) => event(`wild${i}`, START - i, 'rich', ends)),
    event('calm', START - 5, 'poor', 'small'),
  ];
  expect((await store.ingest(payments, events)).refused).toEqual([]);
  await store.close();
  // The history has the tiles of every view at every hop.
  for (const view of streamViews)
    for (const hopMs of view.hopsMs) {
      const sql = `SELECT k_user, CAST(SUM(n) AS BIGINT) FROM ${offline.relation(tileTable(view, hopMs))} GROUP BY ALL ORDER BY ALL`;
      const rows: unknown[] = [];
      for await (const batch of offline.query(sql)) rows.push(...batch);
      expect([view.name, hopMs, rows]).toEqual([
        view.name,
        hopMs,
        [
          ['poor', 1n],
          ['rich', 3n],
        ],
      ]);
    }
  // What has no answer is null and says so; everything else has one.
  const again = await open();
  const rich = await again.read(service, { user: 'rich' }, START + 1);
  const poor = await again.read(service, { user: 'poor' }, START + 1);
  const names = service.features.map(({ name }) => name);
  const lost = names.filter((_, i) => rich.values[i] === null);
  expect(lost.length).toBeGreaterThan(0);
  expect(lost.every((name) => /units|amount|cents/.test(name) && !/mean/.test(name))).toBe(true);
  expect(rich.missing.map(({ reason }) => reason)).toEqual(lost.map(() => 'overflow'));
  expect(poor.missing).toEqual([]);
  // Opposite values bring the sums back: nothing was cut off.
  here.now = START + 10;
  const back = ends === 'most' ? 'least' : 'most';
  await again.ingest(
    payments,
    [1, 2, 3].map((i) => event(`back${i}`, START + i, 'rich', back)),
  );
  const whole = await again.read(service, { user: 'rich' }, START + 11);
  const units = names.findIndex((name) => name.includes('sums_units'));
  expect([names, whole.values[units]]).toEqual([names, -3n]);
  for (const view of streamViews) await again.backfill(view);
  await again.close();
  await offline.close();
});
