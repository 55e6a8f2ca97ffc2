import {
  bool,
  count,
  defineProject,
  entity,
  featureService,
  float,
  int64,
  lookup,
  model,
  nullable,
  pipeline,
  streamView,
  text,
} from '../../src/features/define/declare.ts';
import { asked, came, service } from '../models/small-project.ts';

const learn = {
  task: 'binary',
  spine: { from: asked, id: 'id' },
  train: { with: { kind: 'logisticRegression' } },
} as const;

export const sold = model('sold', {
  ...learn,
  service,
  label: { from: came, id: 'asked', value: (e) => e.good, within: '1h' },
});

const byName = streamView('asked_by', {
  source: asked,
  entity: entity('asker', { name: text() }),
  key: { name: 'name' },
  windows: ['1h'],
  freshness: '1s',
  features: () => ({ times: count() }),
});

/** It reads two columns of the request of the other. */
export const tiny = featureService('tiny', {
  request: { name: text(), number: float() },
  join: (r) => ({ by: lookup(byName, { name: r.name }) }),
  compute: (r) => ({ number: r.number }),
});

export const kept = model('kept', {
  ...learn,
  service: tiny,
  label: { from: came, id: 'asked', value: (e) => e.good, within: '1h' },
});

/** Both scores and a feature, in one answer. Its function fails for one name, and answers nonsense for another. */
export const offer = pipeline('offer', {
  service,
  models: { buys: sold, stays: kept },
  outputs: { decision: text(), worth: float(), seen: int64(), again: bool(), hint: nullable(float()) },
  run: ({ request, features, scores }) => {
    if (request.name === 'fails') throw new Error('no offer for this name');
    const worth = scores.buys * 100 - scores.stays;
    return {
      decision: worth > 50 ? 'call' : 'wait',
      worth: request.name === 'nonsense' ? Number.NaN : worth,
      seen: BigInt(features.by_asked_1h ?? 0),
      again: scores.stays > 0.5,
      hint: request.gaps,
    };
  },
});

export const project = defineProject('offers', { asked, came, sold, kept, offer });
