import {
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  int,
  lookup,
  mean,
  streamView,
  text,
  time,
} from '../../features/define/declare.ts';

const user = entity('user', { user: text() });

/** Clicks of the made-up shop of the labs. */
export const clicks = eventSource('clicks', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), user: text(), cents: int({ unit: 'ct' }) },
  lateness: '10m',
});

const byUser = streamView('by_user', {
  source: clicks,
  entity: user,
  key: { user: 'user' },
  windows: ['5m', '1h'],
  freshness: '1s',
  features: ({ cents }) => ({ clicks: count(), mean_cents: mean(cents) }),
});

/** The vector of a user: clicks of the last minutes and of the last hour. */
export const shopper = featureService('shopper', {
  request: { user: text() },
  p99: '10ms',
  join: ({ user: asked }) => ({ recent: lookup(byUser, { user: asked }) }),
});

/** The project of the labs: a shop whose features are served while its visitors click. */
export const labsProject = defineProject('labs', { clicks, shopper });
