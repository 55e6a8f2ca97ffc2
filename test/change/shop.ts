import {
  apply,
  batchView,
  count,
  decimal,
  defineProject,
  type Expr,
  entity,
  eventSource,
  featureService,
  float,
  gt,
  int,
  last,
  lookup,
  mean,
  model,
  nullable,
  onDemandView,
  orElse,
  over,
  sql,
  streamView,
  sum,
  text,
  time,
} from '../../src/features/define/declare.ts';

/** What differs between two declarations of the shop. */
export interface ShopOptions {
  readonly scale?: number;
  readonly lateness?: '1h' | '2h';
  readonly futureSkew?: '1m' | '5m';
  readonly unit?: string;
  readonly spendVersion?: number;
  readonly windows?: readonly ('1h' | '2h' | '12h' | '30h' | '30d')[];
  readonly hop?: '1m';
  readonly ttl?: '90d';
  readonly freshness?: '1s' | '5s';
  readonly big?: number;
  readonly meanPrice?: boolean;
  readonly withoutBig?: boolean;
  readonly reordered?: boolean;
  readonly sqlText?: string;
  readonly schedule?: string;
  readonly compute?: (inputs: { readonly price: number; readonly usual: number }) => { readonly ratio: number | null };
  readonly serviceVersion?: number;
  readonly picked?: readonly ('spent_1h' | 'big_1h')[];
  readonly labelAbove?: number;
  readonly withoutModel?: boolean;
}

const SQL = 'SELECT "user", avg(price) AS mean_price FROM purchases GROUP BY "user"';

const user = entity('user', { user: text() });

/** A project with one part of every kind, and what may be changed about it. */
export function shop(options: ShopOptions = {}) {
  const { scale = 2, lateness = '1h', futureSkew = '1m', unit = 'EUR', big = 100 } = options;
  const purchases = eventSource('purchases', {
    id: 'line',
    time: 'at',
    lateness,
    futureSkew,
    columns: { line: text(), request: text(), at: time(), user: text(), price: decimal(scale, { unit }) },
  });
  const aggregates = (e: { readonly price: Expr<'decimal'> }) => ({
    spent: sum(e.price),
    ...(options.withoutBig === true ? {} : { big: count(gt(e.price, big)) }),
    last_price: over(['ever'], last(e.price)),
    ...(options.meanPrice === true ? { mean_price: mean(e.price) } : {}),
  });
  const spend = streamView('spend', {
    version: options.spendVersion ?? 1,
    source: purchases,
    entity: user,
    key: { user: 'user' },
    windows: options.windows ?? ['1h', '30d'],
    freshness: options.freshness ?? '1s',
    ...(options.ttl === undefined ? {} : { ttl: options.ttl }),
    ...(options.hop === undefined ? {} : { hops: { '1h': options.hop } }),
    features: (e) => (options.reordered === true ? reversed(aggregates(e)) : aggregates(e)),
  });
  const habits = batchView('habits', {
    entity: user,
    schedule: options.schedule ?? '0 3 * * *',
    freshness: '26h',
    reads: { purchases },
    features: { mean_price: float() },
    sql: ({ asOf }) => sql`${{ kind: 'sqlReference', text: options.sqlText ?? SQL }} -- as of ${asOf}`,
  });
  const ratio = onDemandView('ratio', {
    inputs: { price: float(), usual: float() },
    features: { ratio: nullable(float()) },
    compute: options.compute ?? (({ price, usual }) => ({ ratio: usual === 0 ? null : price / usual })),
  });
  const ranking = featureService('ranking', {
    version: options.serviceVersion ?? 1,
    request: { user: text(), price: float(), items: int() },
    p99: '10ms',
    join: (r) => ({
      user: lookup(spend, { user: r.user }, (options.picked ?? ['spent_1h']) as readonly 'spent_1h'[]),
      habits: lookup(habits, { user: r.user }),
    }),
    compute: (r, f) => ({
      items: r.items,
      ratio: apply(ratio, { price: r.price, usual: orElse(f.habits.mean_price, 0) }),
    }),
  });
  const requests = eventSource('requests', {
    id: 'request',
    time: 'at',
    columns: { request: text(), at: time(), user: text(), price: float(), items: int() },
  });
  const bought = model('bought', {
    task: 'binary',
    service: ranking,
    spine: { from: requests, id: 'request' },
    label: {
      from: purchases,
      id: 'request',
      value: (e) => gt(e.price, options.labelAbove ?? 0),
      otherwise: false,
      within: '7d',
    },
    train: { with: { kind: 'logisticRegression', seed: 1 } },
  });
  return defineProject('shop', options.withoutModel === true ? { ranking } : { bought });
}

function reversed<T extends Readonly<Record<string, unknown>>>(object: T): T {
  return Object.fromEntries(Object.entries(object).toReversed()) as T;
}
