import {
  decimal,
  defineProject,
  entity,
  eventSource,
  featureService,
  float,
  int64,
  lastN,
  lookup,
  over,
  streamView,
  sum,
  text,
  time,
} from 'headrace';

const purchases = eventSource('purchases', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), user: text(), price: decimal(2), number: int64() },
});
const spend = streamView('spend', {
  source: purchases,
  entity: entity('user', { user: text() }),
  key: { user: 'user' },
  windows: ['1h'],
  freshness: '1s',
  features: (e) => ({ spent: sum(e.price), numbers: over(['1h'], lastN(e.number, 3)) }),
});
const shopper = featureService('shopper', {
  request: { user: text(), basket: float() },
  join: (r) => ({ spend: lookup(spend, { user: r.user }) }),
  compute: (r) => ({ basket: r.basket }),
});

/** What is served to the runtimes: values of every type that a platform may spoil. */
export const project = defineProject('shop', { purchases, shopper });
