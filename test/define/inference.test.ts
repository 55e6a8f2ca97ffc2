import { expect, expectTypeOf, test } from 'vitest';
import {
  apply,
  count,
  decimal,
  defineProject,
  type EventOf,
  embedding,
  entity,
  eventSource,
  type FeatureValues,
  featureService,
  float,
  gt,
  int,
  int64,
  last,
  lastN,
  lookup,
  mean,
  model,
  nullable,
  onDemandView,
  orElse,
  over,
  quantile,
  type RequestOf,
  streamView,
  sum,
  type TrainingRow,
  text,
  time,
} from '../../src/features/define/declare.ts';

const user = entity('user', { user: text() });
const purchases = eventSource('purchases', {
  id: 'line',
  time: 'at',
  columns: {
    line: text(),
    at: time(),
    user: text(),
    price: decimal(2),
    qty: int(),
    big: int64(),
    note: nullable(text()),
    taste: embedding(64),
  },
});
const spend = streamView('spend', {
  source: purchases,
  entity: user,
  key: { user: 'user' },
  windows: ['1h', '30d'],
  freshness: '1s',
  features: (e) => ({
    spent: sum(e.price),
    units: sum(e.qty),
    huge: sum(e.big),
    dear: count(gt(e.price, 100)),
    last_price: over(['ever'], last(e.price)),
    p90: over(['30d'], quantile(e.qty, 0.9)),
    notes: over(['1h'], lastN(e.note, 3)),
    average: mean(e.qty),
    taste: over(['30d'], mean(e.taste)),
  }),
});
const requests = eventSource('requests', {
  id: 'request',
  time: 'at',
  columns: { request: text(), at: time(), user: text(), price: decimal(2) },
});
const ratio = onDemandView('ratio', {
  inputs: { now: float(), usual: float() },
  features: { ratio: nullable(float()) },
  compute: ({ now, usual }) => ({ ratio: usual === 0 ? null : now / usual }),
});
const ranking = featureService('ranking', {
  request: { user: text(), price: decimal(2), at: time() },
  join: (r) => ({
    u: lookup(spend, { user: r.user }, ['spent_1h', 'dear_30d', 'last_price', 'notes_1h', 'taste_30d']),
  }),
  compute: (r, f) => ({
    price: r.price,
    ratio: apply(ratio, { now: orElse(f.u.average_1h, 0), usual: orElse(f.u.average_30d, 0) }),
  }),
});

test('the features of a view are its aggregates times its windows, typed', () => {
  expectTypeOf(spend.outputs).toEqualTypeOf<{
    readonly spent_1h: 'decimal?';
    readonly spent_30d: 'decimal?';
    readonly units_1h: 'int?';
    readonly units_30d: 'int?';
    readonly huge_1h: 'int64?';
    readonly huge_30d: 'int64?';
    readonly dear_1h: 'int';
    readonly dear_30d: 'int';
    readonly last_price: 'decimal?';
    readonly p90_30d: 'float?';
    readonly notes_1h: 'list<text>';
    readonly average_1h: 'float?';
    readonly average_30d: 'float?';
    readonly taste_30d: 'embedding<64>?';
  }>();
  expect(spend.outputs).toEqual({
    spent_1h: 'decimal?',
    spent_30d: 'decimal?',
    units_1h: 'int?',
    units_30d: 'int?',
    huge_1h: 'int64?',
    huge_30d: 'int64?',
    dear_1h: 'int',
    dear_30d: 'int',
    last_price: 'decimal?',
    p90_30d: 'float?',
    notes_1h: 'list<text>',
    average_1h: 'float?',
    average_30d: 'float?',
    taste_30d: 'embedding<64>?',
  });
});

test('a vector has the picked features and the computed values, by flat names', () => {
  expectTypeOf<FeatureValues<typeof ranking>>().toEqualTypeOf<{
    readonly u_spent_1h: string | null;
    readonly u_dear_30d: number;
    readonly u_last_price: string | null;
    readonly u_notes_1h: readonly string[];
    readonly u_taste_30d: readonly number[] | null;
    readonly price: string;
    readonly ratio_ratio: number | null;
  }>();
  expectTypeOf<RequestOf<typeof ranking>>().toEqualTypeOf<{
    readonly user: string;
    readonly price: string;
    readonly at: number;
  }>();
  expect(Object.keys(ranking.outputs)).toEqual([
    'u_spent_1h',
    'u_dear_30d',
    'u_last_price',
    'u_notes_1h',
    'u_taste_30d',
    'price',
    'ratio_ratio',
  ]);
});

test('events, training rows and labels are typed by what they come from', () => {
  expectTypeOf<EventOf<typeof purchases>>().toEqualTypeOf<{
    readonly line: string;
    readonly at: number;
    readonly user: string;
    readonly price: string;
    readonly qty: number;
    readonly big: bigint;
    readonly note: string | null;
    readonly taste: readonly number[];
  }>();
  const learned = {
    service: ranking,
    spine: { from: requests, id: 'request' },
    train: { with: { kind: 'logisticRegression' } },
  } as const;
  const label = { from: purchases, id: 'line', within: '1d' } as const;
  const bought = model('bought', { ...learned, task: 'binary', label: { ...label, value: (e) => gt(e.qty, 1) } });
  const amount = model('amount', { ...learned, task: 'regression', label: { ...label, value: (e) => e.qty } });
  expectTypeOf<TrainingRow<typeof bought>['label']>().toEqualTypeOf<boolean>();
  expectTypeOf<TrainingRow<typeof amount>['label']>().toEqualTypeOf<number>();
  expectTypeOf<TrainingRow<typeof bought>['features']['u_dear_30d']>().toEqualTypeOf<number | null>();
  expect([bought.labelTag, amount.labelTag]).toEqual(['bool', 'float']);
});

test('a declaration is frozen all the way down', () => {
  const project = defineProject('shop', { purchases, ranking });
  expect(() => Object.assign(project.sources[0].columns, { x: 1 })).toThrow(TypeError);
  expect(project.views.map(({ name }) => name)).toEqual(['ratio', 'spend']);
});
