import {
  bool,
  count,
  decimal,
  defineProject,
  entity,
  eventSource,
  featureService,
  int64,
  lastN,
  lookup,
  model,
  nullable,
  over,
  streamView,
  sum,
  text,
  time,
} from '../../src/features/define/declare.ts';

/** Purchases with a column of every kind that JSON can spoil. */
const purchases = eventSource('purchases', {
  id: 'id',
  time: 'at',
  lateness: '1d',
  columns: { id: text(), at: time(), user: nullable(text()), price: decimal(2), number: int64() },
});

const returns = eventSource('returns', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), purchase: text(), returned: bool() },
});

const spend = streamView('spend', {
  source: purchases,
  entity: entity('user', { user: text() }),
  key: { user: 'user' },
  windows: ['1h', '7d'],
  freshness: '1s',
  features: (e) => ({ purchases: count(), spent: sum(e.price), numbers: over(['7d'], lastN(e.number, 3)) }),
});

const shopper = featureService('shopper', {
  request: { user: nullable(text()), price: decimal(2) },
  join: (r) => ({ spend: lookup(spend, { user: r.user }) }),
  compute: (r) => ({ price: r.price }),
});

const risk = model('risk', {
  task: 'binary',
  service: featureService('basket', {
    request: { user: nullable(text()), price: decimal(2) },
    join: (r) => ({ spend: lookup(spend, { user: r.user }, ['purchases_1h', 'spent_7d']) }),
    compute: (r) => ({ price: r.price }),
  }),
  spine: { from: purchases, id: 'id' },
  label: { from: returns, id: 'purchase', value: (e) => e.returned, within: '1d' },
  train: { with: { kind: 'logisticRegression' } },
});

/** A shop to be served: two sources, two services, a model. */
export const project = defineProject('shop', { purchases, returns, shopper, risk });
export { purchases, returns, risk, shopper };
