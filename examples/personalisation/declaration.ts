import {
  apply,
  batchView,
  count,
  decimal,
  defineProject,
  entity,
  eventSource,
  featureService,
  float,
  gt,
  int,
  lookup,
  mean,
  nullable,
  onDemandView,
  orElse,
  over,
  sql,
  streamView,
  sum,
  text,
  time,
  when,
} from 'headrace';

const user = entity('user', { user: text() });
const item = entity('item', { item: text() });
const session = entity('session', { session: text() });
const taste = entity('taste', { user: text(), category: text() });

/** A user looks at an item. */
export const clicks = eventSource('clicks', {
  id: 'id',
  time: 'at',
  columns: {
    id: text(),
    at: time(),
    user: text(),
    session: text(),
    item: text(),
    category: text(),
    price: decimal(3),
  },
});

/** One line of an order; what comes back has a negative quantity, who buys as a guest no user. */
export const purchases = eventSource('purchases', {
  id: 'id',
  time: 'at',
  columns: {
    id: text(),
    at: time(),
    user: nullable(text()),
    item: text(),
    category: text(),
    quantity: int(),
    price: decimal(3),
    amount: decimal(3),
  },
});

const live = { windows: ['5m', '1h', '30d'], freshness: '1s' } as const;

const inSession = streamView('in_session', {
  source: clicks,
  entity: session,
  key: { session: 'session' },
  windows: ['1h'],
  freshness: '1s',
  ttl: '1d',
  features: (e) => ({ clicks: count(), mean_price: mean(e.price) }),
});

const userClicks = streamView('user_clicks', {
  ...live,
  source: clicks,
  entity: user,
  key: { user: 'user' },
  features: () => ({ clicks: count() }),
});

const userPurchases = streamView('user_purchases', {
  source: purchases,
  entity: user,
  key: { user: 'user' },
  windows: ['30d'],
  freshness: '1s',
  features: (e) => ({
    bought: count(gt(e.quantity, 0)),
    spent: sum(e.amount),
    mean_price: mean(when(gt(e.quantity, 0), e.price)),
  }),
});

/** How much a user looks at a category. */
const affinity = streamView('affinity', {
  source: clicks,
  entity: taste,
  key: { user: 'user', category: 'category' },
  windows: ['1h', '30d'],
  freshness: '1s',
  features: () => ({ clicks: count() }),
});

const itemClicks = streamView('item_clicks', {
  ...live,
  source: clicks,
  entity: item,
  key: { item: 'item' },
  features: () => ({ clicks: count() }),
});

const itemSales = streamView('item_sales', {
  source: purchases,
  entity: item,
  key: { item: 'item' },
  windows: ['1h', '30d'],
  freshness: '1s',
  features: (e) => ({
    sold: count(gt(e.quantity, 0)),
    mean_price: over(['30d'], mean(when(gt(e.quantity, 0), e.price))),
  }),
});

/** What is known of a user for good: nightly, from the whole history. */
const customer = batchView('customer', {
  entity: user,
  schedule: '0 3 * * *',
  freshness: '26h',
  reads: { purchases },
  features: { lines: int(), returned_share: float(), days: int() },
  sql: ({ purchases: p, asOf }) => sql`
    SELECT "user", count(*) AS lines, avg(CASE WHEN quantity < 0 THEN 1 ELSE 0 END) AS returned_share,
      count(DISTINCT "at" // 86400000) AS days
    FROM ${p} WHERE "at" < ${asOf} AND "user" IS NOT NULL GROUP BY "user"`,
});

/** What is known of an item for good. */
const assortment = batchView('assortment', {
  entity: item,
  schedule: '30 3 * * *',
  freshness: '26h',
  reads: { purchases },
  features: { lines: int(), buyers: int() },
  sql: ({ purchases: p, asOf }) => sql`
    SELECT item, count(*) AS lines, count(DISTINCT "user") AS buyers
    FROM ${p} WHERE "at" < ${asOf} GROUP BY item`,
});

const ratios = onDemandView('ratios', {
  latency: { within: '2ms', otherwise: 'null' },
  inputs: { price: float(), usual: float(), paid: float(), here: int(), clicks: int() },
  features: { to_usual: nullable(float()), to_paid: nullable(float()), affinity: nullable(float()) },
  compute: ({ price, usual, paid, here, clicks: all }) => ({
    to_usual: usual > 0 ? price / usual : null,
    to_paid: paid > 0 ? price / paid : null,
    affinity: all > 0 ? here / all : null,
  }),
});

/** 24 features of a user who is shown an item: 16 streaming, 5 batch, 3 of the request. */
export const recommendation = featureService('recommendation', {
  request: { user: text(), session: text(), item: text(), category: text(), price: float() },
  p99: '10ms',
  join: (r) => ({
    session: lookup(inSession, { session: r.session }),
    user: lookup(userClicks, { user: r.user }),
    basket: lookup(userPurchases, { user: r.user }),
    taste: lookup(affinity, { user: r.user, category: r.category }),
    item: lookup(itemClicks, { item: r.item }),
    sales: lookup(itemSales, { item: r.item }),
    customer: lookup(customer, { user: r.user }),
    assortment: lookup(assortment, { item: r.item }),
  }),
  compute: (r, f) => ({
    ratio: apply(ratios, {
      price: r.price,
      usual: orElse(f.basket.mean_price_30d, 0),
      paid: orElse(f.sales.mean_price_30d, 0),
      here: f.taste.clicks_30d,
      clicks: f.user.clicks_30d,
    }),
  }),
});

export default defineProject('personalisation', { clicks, purchases, recommendation });
