import {
  bool,
  count,
  decimal,
  defineProject,
  entity,
  eventSource,
  featureService,
  float,
  gt,
  int,
  int64,
  last,
  lookup,
  max,
  mean,
  model,
  nullable,
  openHeadrace,
  quantile,
  startServer,
  streamView,
  sum,
  text,
  time,
  topK,
} from 'headrace';

/** Serves a small shop for the tests of the Python client: prints its address, and ends with its standard input. */

const purchases = eventSource('purchases', {
  id: 'id',
  time: 'at',
  columns: {
    id: text(),
    at: time(),
    user: text(),
    price: decimal(2),
    big: int64(),
    gift: bool(),
    weight: nullable(float()),
    shop: text(),
    seen: time(),
  },
});
const orders = eventSource('orders', { id: 'id', time: 'at', columns: { id: text(), at: time(), user: text() } });
const returns = eventSource('returns', { id: 'id', time: 'at', columns: { id: text(), at: time(), back: int() } });

const user = entity('user', { user: text() });

const spend = streamView('spend', {
  source: purchases,
  entity: user,
  key: { user: 'user' },
  windows: ['1h', '1d'],
  freshness: '1s',
  features: (e) => ({
    purchases: count(),
    spent: sum(e.price),
    most: max(e.big),
    mean_price: mean(e.price),
    median: quantile(e.price, 0.5),
    heaviest: max(e.weight),
    gift: last(e.gift),
    shop: last(e.shop),
    seen: last(e.seen),
    shops: topK(e.shop, 2),
  }),
});
const visits = streamView('visits', {
  source: purchases,
  entity: user,
  key: { user: 'user' },
  windows: ['1h'],
  freshness: '1s',
  features: () => ({ visits: count() }),
});
const shopper = featureService('shopper', {
  request: { user: text(), basket: nullable(float()) },
  join: (r) => ({ spend: lookup(spend, { user: r.user }) }),
  compute: (r) => ({ basket: r.basket }),
});
const basketService = featureService('basket', {
  request: { user: text(), value: float() },
  join: (r) => ({ by: lookup(visits, { user: r.user }) }),
  compute: (r) => ({ value: r.value }),
});
const sent = eventSource('sent', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), user: text(), value: float() },
});
const refund = model('refund', {
  task: 'binary',
  service: basketService,
  spine: { from: sent, id: 'id' },
  label: { from: returns, id: 'id', value: (e) => gt(e.back, 0), within: '5s' },
  train: { with: { kind: 'logisticRegression' } },
});

const [directory = ''] = process.argv.slice(2);
const headrace = await openHeadrace({
  project: defineProject('shop', { shopper, refund, orders }),
  environment: { directory },
});
const server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 2 ** 22 });
console.log(server.url);
const ticking = setInterval(() => void headrace.tick().catch(console.error), 200);
process.stdin.resume();
process.stdin.once('end', async () => {
  clearInterval(ticking);
  await server.close();
  await headrace.close();
});
