import { bool, eventSource, featureService, float, model, text, time } from 'headrace';

const orders = eventSource('orders', { id: 'id', time: 'at', columns: { id: text(), at: time(), amount: float() } });
const outcomes = eventSource('outcomes', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), order: text(), fraud: bool() },
});

export const early = model('early', {
  task: 'binary',
  service: featureService('order', {
    request: { amount: float() },
    join: () => ({}),
    compute: (r) => ({ amount: r.amount }),
  }),
  spine: { from: orders, id: 'id' },
  label: { from: outcomes, id: 'order', value: (e) => e.fraud, within: '30d' },
  train: { with: { kind: 'logisticRegression' } },
});
