import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  apply,
  batchView,
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  float,
  int,
  last,
  lookup,
  max,
  mean,
  min,
  onDemandView,
  sql,
  streamView,
  sum,
  text,
  time,
  variancePop,
} from 'headrace';
import type { DurationText } from '../src/base/time.ts';

// The project that the benches of the feature store share: users who buy.
export const user = entity('user', { user: text() });

export const purchases = eventSource('purchases', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), user: text(), price: int(), items: int() },
});

/** Eight features at two hops: four aggregates over 1 h (5 min) and 1 d (1 h). */
export const spend = streamView('spend', {
  source: purchases,
  entity: user,
  key: { user: 'user' },
  windows: ['1h', '1d'],
  freshness: '1s',
  features: (e) => ({ purchases: count(), spent: sum(e.price), dearest: max(e.price), mean_items: mean(e.items) }),
});

/** Sixteen features: eight aggregates over two windows; with `spend`, a batch view and a request feature 24 in three tiers. */
const habits = streamView('habits', {
  source: purchases,
  entity: user,
  key: { user: 'user' },
  windows: ['1h', '1d'],
  freshness: '1s',
  features: (e) => ({
    spread: variancePop(e.price),
    cheapest: min(e.price),
    last_price: last(e.price),
    items: sum(e.items),
    most_items: max(e.items),
  }),
});

const loyalty = batchView('loyalty', {
  entity: user,
  schedule: '0 3 * * *',
  freshness: '26h',
  reads: { purchases },
  features: { lifetime: int(), visits: int(), mean_price: float(), best: int() },
  sql: ({ purchases: p, asOf }) => sql`
    SELECT "user", sum(price) AS lifetime, count(*) AS visits, avg(price) AS mean_price, max(price) AS best
    FROM ${p} WHERE "at" < ${asOf} GROUP BY "user"`,
});

const clock = onDemandView('clock', {
  inputs: { at: time() },
  features: { hour: int() },
  compute: ({ at }) => ({ hour: new Date(at).getUTCHours() }),
});

/** 24 features of one user: 18 streaming, 4 batch, 2 of the request. */
export const shopper = shopperWithin('shopper');

/** The same with a budget. */
export function shopperWithin(name: string, p99?: DurationText) {
  return featureService(name, {
    request: { user: text(), at: time(), basket: int() },
    ...(p99 === undefined ? {} : { p99 }),
    join: (r) => ({
      spend: lookup(spend, { user: r.user }),
      habits: lookup(habits, { user: r.user }),
      loyalty: lookup(loyalty, { user: r.user }),
    }),
    compute: (r) => ({ basket: r.basket, clock: apply(clock, { at: r.at }) }),
  });
}

export const shop = defineProject('shop', { purchases, shopper });

/** A project whose one service spreads 24 streaming features over this many views. */
export function spreadShop(views: number) {
  const perView = 24 / views;
  if (!Number.isInteger(perView) && views !== 20) throw new RangeError('24 features do not spread evenly');
  const sizes =
    views === 20 ? [...Array.from({ length: 16 }, () => 1), 2, 2, 2, 2] : Array.from({ length: views }, () => perView);
  const names = sizes.map((_, i) => `v${i}`);
  const made = sizes.map((size, i) =>
    streamView(`spread_${i}`, {
      source: purchases,
      entity: user,
      key: { user: 'user' },
      windows: ['1h'],
      freshness: '1s',
      features: (e) => Object.fromEntries(Array.from({ length: size }, (_, k) => [`f${k}`, sum(e.price)])),
    }),
  );
  const service = featureService('spread', {
    request: { user: text() },
    join: (r) => Object.fromEntries(names.map((name, i) => [name, lookup(made[i], { user: r.user })])),
  });
  return { service, project: defineProject('spread_shop', { purchases, service }) };
}

/** A directory that is gone with the process. */
export function scratchDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-bench-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
