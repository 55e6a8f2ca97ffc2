import {
  approxDistinct,
  count,
  defineProject,
  distinct,
  entity,
  eventSource,
  featureService,
  int,
  last,
  lastN,
  lookup,
  max,
  mean,
  over,
  quantile,
  streamView,
  sum,
  text,
  time,
  topK,
  varianceSample,
} from '../../src/features/define/declare.ts';

/** Purchases that are sent, sent again, and sent late, while the process that takes them is killed. */
export const purchases = eventSource('purchases', {
  id: 'purchase',
  time: 'at',
  lateness: '10m',
  columns: { purchase: text(), at: time(), user: text(), item: text(), cents: int() },
});

export const user = entity('user', { user: text() });

export const byUser = streamView('by_user', {
  source: purchases,
  entity: user,
  key: { user: 'user' },
  windows: ['1h', '1d'],
  freshness: '1s',
  features: ({ cents, item }) => ({
    n: count(),
    spent: sum(cents),
    mean: mean(cents),
    spread: varianceSample(cents),
    top: max(cents),
    items: distinct(item),
    about: over(['1d'], approxDistinct(item)),
    median: over(['1d'], quantile(cents, 0.5)),
    favourites: over(['1d'], topK(item, 3)),
    recent: over(['ever'], lastN(item, 4)),
    last_item: over(['ever'], last(item)),
  }),
});

export const service = featureService('shop', {
  request: { user: text() },
  join: (r) => ({ own: lookup(byUser, { user: r.user }) }),
});

export const project = defineProject('shop', { service });

export const USERS = ['ann', 'bob', 'c|1', '', 'é'];
