import {
  count,
  defineProject,
  deprecated,
  entity,
  eventSource,
  featureService,
  float,
  int,
  int64,
  last,
  lookup,
  max,
  model,
  nullable,
  streamView,
  sum,
  text,
  time,
} from '../../src/features/define/declare.ts';

const user = entity('user', { user: text() });

/** The shop as it was declared first. */
export function firstShop() {
  const clicks = eventSource('clicks', {
    id: 'id',
    time: 'at',
    columns: { id: text(), at: time(), user: text(), amount: int(), weight: int(), page: text() },
  });
  const byUser = streamView('by_user', {
    source: clicks,
    entity: user,
    key: { user: 'user' },
    windows: ['1h', '1d'],
    freshness: '1s',
    features: (e) => ({ clicks: count(), page: last(e.page) }),
  });
  const seen = featureService('seen', {
    request: { user: text() },
    join: (r) => ({ by: lookup(byUser, { user: r.user }) }),
  });
  return { project: defineProject('shop', { clicks, seen }), clicks, seen };
}

/** The shop with columns that came, grew, may be left out, and stand elsewhere; views over old and new ones, a model. */
export function secondShop() {
  const clicks = eventSource('clicks', {
    id: 'id',
    time: 'at',
    columns: {
      id: text(),
      country: nullable(text()),
      at: time(),
      user: text(),
      weight: float(),
      amount: int64(),
      page: text(),
      old: deprecated(text()),
    },
  });
  const byUser = streamView('by_user', {
    source: clicks,
    entity: user,
    key: { user: 'user' },
    windows: ['1h', '1d'],
    freshness: '1s',
    features: (e) => ({ clicks: count(), page: last(e.page) }),
  });
  const more = streamView('more', {
    source: clicks,
    entity: user,
    key: { user: 'user' },
    windows: ['1h', '1d'],
    freshness: '1s',
    features: (e) => ({ amount: sum(e.amount), heaviest: max(e.weight), country: last(e.country) }),
  });
  const seen = featureService('seen', {
    request: { user: text() },
    join: (r) => ({ by: lookup(byUser, { user: r.user }) }),
  });
  const wide = featureService('wide', {
    request: { user: text() },
    join: (r) => ({ by: lookup(byUser, { user: r.user }), more: lookup(more, { user: r.user }) }),
  });
  const heavy = model('heavy', {
    task: 'regression',
    service: wide,
    spine: { from: clicks, id: 'id' },
    label: { from: clicks, id: 'id', value: (e) => e.weight, within: '1h' },
    train: { with: { kind: 'logisticRegression' } },
  });
  return { project: defineProject('shop', { clicks, seen, wide, heavy }), clicks, seen, wide, heavy, more };
}
