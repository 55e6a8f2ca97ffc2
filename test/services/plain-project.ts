import {
  bool,
  count,
  entity,
  eventSource,
  featureService,
  float,
  lookup,
  model,
  nullable,
  streamView,
  text,
  time,
} from '../../src/features/define/declare.ts';
import type { RolloutOptions } from '../../src/features/define/rollout.ts';

/** Events with three numbers, their labels, and a service that hands the numbers to a model: for versions that Python programs logged. */
export const asked = eventSource('asked', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), name: text(), a: float(), b: float(), c: float() },
});
export const came = eventSource('came', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), asked: text(), good: nullable(bool()) },
});
const byName = streamView('by_name', {
  source: asked,
  entity: entity('name', { name: text() }),
  key: { name: 'name' },
  windows: ['1h'],
  freshness: '1s',
  features: () => ({ asked: count() }),
});
export const service = featureService('plain', {
  request: { name: text(), a: float(), b: float(), c: float() },
  join: (r) => ({ by: lookup(byName, { name: r.name }) }),
  compute: (r) => ({ a: r.a, b: r.b, c: r.c }),
});

export function plainModel(name: string, more: { readonly rollout?: RolloutOptions<'name' | 'a' | 'b' | 'c'> } = {}) {
  return model(name, {
    task: 'binary',
    service,
    spine: { from: asked, id: 'id' },
    label: { from: came, id: 'asked', value: (e) => e.good, within: '1d' },
    train: { with: { kind: 'logisticRegression' } },
    ...more,
  });
}
