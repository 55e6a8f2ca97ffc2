import {
  apply,
  approxDistinct,
  batchView,
  bool,
  changeSource,
  count,
  decimal,
  defineProject,
  distinct,
  embedding,
  entity,
  eventSource,
  featureService,
  first,
  float,
  int,
  int64,
  last,
  lastN,
  list,
  lookup,
  max,
  mean,
  min,
  model,
  nullable,
  onDemandView,
  over,
  quantile,
  share,
  sql,
  stddevPop,
  streamView,
  sum,
  text,
  time,
  topK,
  varianceSample,
} from '../../src/features/define/declare.ts';

/*
 * What the data of test/fixtures/release-0.1 were declared with. It stays as it is: a later release has its own file.
 */

const columns = {
  id: text(),
  at: time(),
  user: nullable(text()),
  item: text(),
  cents: int(),
  big: int64(),
  price: decimal(2),
  weight: float(),
  gift: bool(),
  tags: list(text()),
} as const;

/** As the source was when its first events came. */
const earlyPurchases = eventSource('purchases', { id: 'id', time: 'at', lateness: '1h', columns });

const purchases = eventSource('purchases', {
  id: 'id',
  time: 'at',
  lateness: '1h',
  columns: { ...columns, taste: nullable(embedding(2)), coupon: nullable(text()) },
});

const returns = eventSource('returns', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), purchase: text(), returned: bool() },
});

const stock = changeSource('stock', {
  id: 'change',
  time: 'changed',
  row: { id: 'row', time: 'placed' },
  before: 'gone',
  columns: { change: text(), changed: time(), row: text(), placed: time(), gone: bool(), item: text(), pieces: int() },
});

const user = entity('user', { user: text() });
const pair = entity('pair', { user: text(), item: text() });

const byUser = streamView('by_user', {
  source: purchases,
  entity: user,
  key: { user: 'user' },
  windows: ['1h', '1d'],
  freshness: '1s',
  features: (e) => ({
    n: count(),
    cents: sum(e.cents),
    price: sum(e.price),
    big: max(e.big),
    light: min(e.weight),
    mean: mean(e.cents),
    spread: varianceSample(e.cents),
    deviation: stddevPop(e.cents),
    gifts: share(e.gift),
    items: distinct(e.item),
    first_item: over(['1d'], first(e.item)),
    last_item: over(['1d'], last(e.item)),
    about: over(['1d'], approxDistinct(e.item)),
    median: over(['1d'], quantile(e.cents, 0.5)),
    favourites: over(['1d'], topK(e.item, 2)),
    recent: over(['1d'], lastN(e.item, 3)),
    taste: over(['1d'], mean(e.taste)),
    coupons: over(['1d'], count(e.coupon)),
  }),
});

const byPair = streamView('by_pair', {
  source: purchases,
  entity: pair,
  key: { user: 'user', item: 'item' },
  windows: ['1d'],
  freshness: '1s',
  features: (e) => ({ n: count(), cents: sum(e.cents) }),
});

const onStock = streamView('on_stock', {
  source: stock,
  entity: entity('item', { item: text() }),
  key: { item: 'item' },
  windows: ['1d'],
  freshness: '1s',
  features: ({ pieces }) => ({ rows: count(), pieces: sum(pieces), most: max(pieces) }),
});

const usual = batchView('usual', {
  entity: user,
  schedule: '0 3 * * *',
  freshness: '26h',
  reads: { purchases },
  features: { cents: int(), seen: text() },
  sql: ({ purchases: all }) =>
    sql`SELECT "user", SUM(cents) AS cents, MAX(item) AS seen FROM ${all} WHERE "user" IS NOT NULL GROUP BY "user"`,
});

const ratio = onDemandView('ratio', {
  inputs: { now: nullable(int()), usual: nullable(int()) },
  features: { value: nullable(float()) },
  compute: ({ now, usual: before }) => ({
    value: now === null || before === null || before === 0 ? null : now / before,
  }),
});

const shopper = featureService('shopper', {
  request: { user: text(), item: text() },
  join: (r) => ({
    own: lookup(byUser, { user: r.user }),
    pair: lookup(byPair, { user: r.user, item: r.item }),
    stock: lookup(onStock, { item: r.item }),
    usual: lookup(usual, { user: r.user }),
  }),
  compute: (_, f) => ({ ratio: apply(ratio, { now: f.own.cents_1d, usual: f.usual.cents }) }),
});

const risk = model('risk', {
  task: 'binary',
  service: featureService('basket', {
    request: { user: nullable(text()), cents: int() },
    join: (r) => ({ own: lookup(byUser, { user: r.user }, ['n_1h', 'cents_1d']) }),
    compute: (r) => ({ asked: r.cents }),
  }),
  spine: { from: purchases, id: 'id' },
  label: { from: returns, id: 'purchase', value: (e) => e.returned, within: '1d' },
  train: { with: { kind: 'logisticRegression' } },
});

/** The source, and the project with it, as they were first. */
export const early = {
  purchases: earlyPurchases,
  project: defineProject('upgraded', {
    purchases: earlyPurchases,
    early: featureService('early', {
      request: { user: text() },
      join: (r) => ({
        first: lookup(
          streamView('first', {
            source: earlyPurchases,
            entity: user,
            key: { user: 'user' },
            windows: ['1h'],
            freshness: '1s',
            features: () => ({ n: count() }),
          }),
          { user: r.user },
        ),
      }),
    }),
  }),
};
export const project = defineProject('upgraded', { purchases, returns, stock, shopper, risk });
export { byPair, byUser, onStock, purchases, returns, risk, shopper, stock, usual };

/** When the data were written, epoch ms. */
export const WRITTEN = Date.UTC(2026, 0, 1, 12);

export const USERS = ['ann', 'bob', 'c|1', '', 'é🙂'];
/** Of whom a forgetting was begun when the data were copied. */
export const FORGOTTEN = 'eve';
export const ITEMS = ['x', 'y', 'ß'];

/** The n-th purchase, as of an instant; its row as it was first. */
export function earlyPurchase(n: number, now: number) {
  const buyers = [...USERS, FORGOTTEN];
  return {
    id: `p${n}`,
    at: now - (n % 7) * 400_000 - n,
    user: n % 11 === 0 ? null : buyers[n % buyers.length],
    item: ITEMS[n % ITEMS.length],
    cents: (n * 37) % 1_000,
    big: 9_007_199_254_740_993n + BigInt(n),
    price: `${n}.25`,
    weight: n / 8,
    gift: n % 3 === 0,
    tags: n % 2 === 0 ? ['a', `t${n}`] : [],
  };
}

export function purchase(n: number, now: number) {
  return {
    ...earlyPurchase(n, now),
    taste: n % 4 === 0 ? null : [n / 4, -0.5],
    coupon: n % 5 === 0 ? `c${n}` : null,
  };
}
