import {
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  lookup,
  streamView,
  text,
  time,
} from '../../src/features/define/declare.ts';

export const START = Date.UTC(2026, 0, 1);

export const visits = eventSource('visits', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), user: text() },
});
export const byUser = streamView('by_user', {
  source: visits,
  entity: entity('user', { user: text() }),
  key: { user: 'user' },
  windows: ['1h'],
  freshness: '1s',
  features: () => ({ visits: count() }),
});
/** The visits of a user in the last hour. */
export const service = featureService('visitor', {
  request: { user: text() },
  join: (r) => ({ by: lookup(byUser, { user: r.user }) }),
});
export const project = defineProject('site', { service });
