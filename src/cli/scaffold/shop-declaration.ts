/** The sources, views and the service of the shop that several templates begin with. */
export const SHOP = `const user = entity('user', { user: text() });

export const visits = eventSource('visits', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), user: text() },
});

/** A visit ends in one purchase at most, which has the id of the visit. */
export const purchases = eventSource('purchases', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), user: text(), price: decimal(2, { unit: 'EUR' }) },
});

const habits = streamView('habits', {
  source: visits,
  entity: user,
  key: { user: 'user' },
  windows: ['1d', '7d'],
  freshness: '1s',
  features: () => ({ visits: count() }),
});

const spend = streamView('spend', {
  source: purchases,
  entity: user,
  key: { user: 'user' },
  windows: ['1h', '7d'],
  freshness: '1s',
  features: (e) => ({ purchases: count(), spent: sum(e.price), mean_price: mean(e.price) }),
});

export const shopper = featureService('shopper', {
  request: { user: text() },
  join: (r) => ({ habits: lookup(habits, { user: r.user }), spend: lookup(spend, { user: r.user }) }),
});
`;
