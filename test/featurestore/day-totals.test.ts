import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { randomBelow, seededRandom } from '../../src/base/rng.ts';
import {
  count,
  decimal,
  defineProject,
  entity,
  eventSource,
  featureService,
  int64,
  lookup,
  maxOfDays,
  meanOfDays,
  minOfDays,
  over,
  quantileOfDays,
  streamView,
  sum,
  text,
  time,
} from '../../src/features/define/declare.ts';
import type { Delivery } from '../../src/features/engine/delivery.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import type { Value } from '../../src/schema/column.ts';
import { acceptedDeliveries, naiveAnswers } from '../../src/testing/oracle/naive-scan.ts';

const HOUR = 3_600_000;
const START = Date.UTC(2026, 2, 1);
const DAYS = 45;
const USERS = ['ann', 'bob', 'cid'];

const sales = eventSource('sales', {
  id: 'line',
  time: 'at',
  lateness: '3h',
  columns: { line: text(), at: time(), user: text(), price: decimal(2), units: int64() },
});
const days = streamView('days', {
  source: sales,
  entity: entity('user', { user: text() }),
  key: { user: 'user' },
  windows: ['30d'],
  freshness: '1s',
  features: ({ price, units }) => ({
    mean_spent: meanOfDays(sum(price)),
    most_bought: maxOfDays(count()),
    median_spent: over(['7d', '30d'], quantileOfDays(sum(price), 0.5)),
    least_units: over(['ever'], minOfDays(sum(units))),
  }),
});
const plain = featureService('plain', {
  request: { user: text() },
  join: (r) => ({ days: lookup(days, { user: r.user }) }),
});

const directory = mkdtempSync(join(tmpdir(), 'day-totals-'));
const deliveries: Delivery[] = [];
let now = START;
let headrace: Headrace;

const open = () =>
  openHeadrace({
    project: defineProject('shop', { plain }),
    environment: { directory: join(directory, 'store'), sampleRate: 0 },
    clock: () => now,
  });

beforeAll(async () => {
  headrace = await open();
});

afterAll(async () => {
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

/** What an answer looks like outside: a decimal of two digits as its text. */
function outside(value: Value | undefined, i: number): unknown {
  const { type } = days.features[i]?.type ?? {};
  if (value === undefined || value === null) return null;
  return type === 'decimal' ? (Number(value) / 100).toFixed(2) : value;
}

function naive(user: string, at: number): readonly unknown[] {
  return naiveAnswers(days, acceptedDeliveries(days, deliveries), user, at).map(outside);
}

async function served(user: string): Promise<readonly unknown[]> {
  const { features } = await headrace.vector(plain, { user });
  return days.features.map(({ name }) => (features as Record<string, unknown>)[`days_${name}`]);
}

test('aggregates of day totals are those of a scan of the events, served and in training sets, over a restart', async () => {
  const random = seededRandom(5);
  for (let i = 0; now < START + DAYS * 24 * HOUR; i += 1) {
    now += randomBelow(random, 5 * HOUR);
    // Some are of the day before, and some too late.
    const at = now - randomBelow(random, 4 * HOUR);
    const [user, cents, units] = [USERS[i % 3] ?? '', randomBelow(random, 9_000), BigInt(randomBelow(random, 50)) - 9n];
    const event = { line: `l${i}`, at, user, price: (cents / 100).toFixed(2), units };
    await headrace.ingest(headrace.source('sales'), [event]);
    deliveries.push({ id: event.line, ts: at, ingestTs: now, row: [event.line, at, user, BigInt(cents), units] });
    if (i % 40 !== 39) continue;
    if (i % 120 === 119) {
      await headrace.close();
      headrace = await open();
    }
    for (const one of [...USERS, 'nobody']) expect(await served(one)).toEqual(naive(one, now));
  }
  expect((await served('ann')).filter((value) => value === null)).toEqual([]);
  await headrace.flush();
  const rows = Array.from({ length: 40 }, (_, i) => ({ user: USERS[i % 3] ?? '', when: START + i * 29 * HOUR }));
  const spine = join(directory, 'spine.csv');
  writeFileSync(spine, `user,when\n${rows.map(({ user, when }) => `${user},${when}`).join('\n')}\n`);
  const out = join(directory, 'out.parquet');
  await headrace.writeTrainingSet(plain, out, { spine: { path: spine, time: 'when', columns: { user: 'user' } } });
  const found: unknown[] = [];
  const columns = days.features.map(({ name }) => `CAST(days_${name} AS DOUBLE)`);
  for await (const batch of headrace.history.query(`SELECT ${columns.join(', ')} FROM read_parquet('${out}')`))
    found.push(...batch);
  const asDoubles = (row: readonly unknown[]) => row.map((x) => (x === null ? null : Number(x)));
  expect(found).toEqual(rows.map(({ user, when }) => asDoubles(naive(user, when))));
});
