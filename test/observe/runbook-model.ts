import {
  bool,
  count,
  entity,
  eventSource,
  featureService,
  float,
  lookup,
  model,
  streamView,
  text,
  time,
} from 'headrace';

const orders = eventSource('orders', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), user: text(), amount: float() },
});
const outcomes = eventSource('outcomes', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), order: text(), fraud: bool() },
});
const byUser = streamView('by_user', {
  source: orders,
  entity: entity('user', { user: text() }),
  key: { user: 'user' },
  windows: ['1h'],
  freshness: '1s',
  features: () => ({ orders: count() }),
});
const order = featureService('order', {
  request: { user: text(), amount: float() },
  join: (r) => ({ user: lookup(byUser, { user: r.user }) }),
  compute: (r) => ({ amount: r.amount }),
});

export const early = model('early', {
  task: 'binary',
  service: order,
  spine: { from: orders, id: 'id' },
  label: { from: outcomes, id: 'order', value: (e) => e.fraud, within: '30d' },
  train: { with: { kind: 'logisticRegression' } },
});
