import {
  approxDistinct,
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  int,
  lastN,
  lookup,
  over,
  quantile,
  streamView,
  sum,
  text,
  time,
  topK,
} from '../../src/features/define/declare.ts';

export const clicks = eventSource('clicks', {
  id: 'id',
  time: 'at',
  lateness: '30m',
  columns: { id: text(), at: time(), user: text(), page: text(), ms: int() },
});
export const byUser = streamView('by_user', {
  source: clicks,
  entity: entity('user', { user: text() }),
  key: { user: 'user' },
  windows: ['1h', '1d'],
  freshness: '5s',
  features: ({ ms, page }) => ({
    n: count(),
    ms: sum(ms),
    p90: over(['1h'], quantile(ms, 0.9)),
    pages: over(['1d'], approxDistinct(page)),
    recent: over(['1h'], lastN(page, 3)),
  }),
});
export const byPage = streamView('by_page', {
  source: clicks,
  entity: entity('page', { page: text() }),
  key: { page: 'page' },
  windows: ['1h'],
  freshness: '5s',
  features: ({ user }) => ({ n: count(), users: topK(user, 2) }),
});
export const service = featureService('clicker', {
  request: { user: text(), page: text() },
  join: (r) => ({ u: lookup(byUser, { user: r.user }), p: lookup(byPage, { page: r.page }) }),
});
export const project = defineProject('site', { service });
export const USERS = ['ann', 'bob', 'é|"', ''];
export const PAGES = ['/', '/é', '/c|d', '/\u{1f600}'];

/** Another view of the same events, whose windows a Redis stores. */
export const byBoth = streamView('by_both', {
  source: clicks,
  entity: entity('both', { user: text(), page: text() }),
  key: { user: 'user', page: 'page' },
  windows: ['1h'],
  freshness: '5s',
  features: ({ ms }) => ({ n: count(), ms: sum(ms) }),
});
export const both = featureService('both', {
  request: { user: text(), page: text() },
  join: (r) => ({ b: lookup(byBoth, { user: r.user, page: r.page }) }),
});
export const changedProject = defineProject('site', { service, both });
