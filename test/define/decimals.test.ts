import { expect, test } from 'vitest';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import {
  apply,
  decimal,
  entity,
  eventSource,
  featureService,
  int64,
  list,
  lookup,
  nullable,
  onDemandView,
  orElse,
  streamView,
  sum,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { serviceEvaluator } from '../../src/features/service/evaluate.ts';

const payments = eventSource('payments', {
  id: 'payment',
  time: 'at',
  columns: { payment: text(), at: time(), user: text(), price: decimal(2), units: int64() },
});
const spend = streamView('spend', {
  source: payments,
  entity: entity('user', { user: text() }),
  key: { user: 'user' },
  windows: ['1h'],
  freshness: '1s',
  features: (e) => ({ spent: sum(e.price), units: sum(e.units) }),
});
const price = onDemandView('price', {
  inputs: { price: decimal(2), spent: decimal(2), offers: list(decimal(2)) },
  features: { shown: text(), rounded: nullable(decimal(1)), offers: list(decimal(2)) },
  compute: ({ price, spent, offers }) => ({
    shown: `${price} of ${spent}`,
    rounded: price === '0.00' ? null : Number(price).toFixed(1),
    offers: offers.toReversed(),
  }),
});
const service = featureService('checkout', {
  request: { user: text(), price: decimal(2), offers: list(decimal(2)) },
  join: (r) => ({ user: lookup(spend, { user: r.user }, ['units_1h']) }),
  compute: (r, f) => ({
    price: apply(price, { price: r.price, spent: orElse(f.user.spent_1h, '1.5'), offers: r.offers }),
    units: orElse(f.user.units_1h, 9_007_199_254_740_993n),
  }),
});
const evaluate = serviceEvaluator(service);

test('a function sees decimals as their exact texts, and its texts become exact decimals', () => {
  expect(evaluate(['ann', 1050n, [1n, 250n]], [[12_345n, 7n]], fault)).toEqual([
    7n,
    '10.50 of 123.45',
    105n,
    [250n, 1n],
    7n,
  ]);
  expect(evaluate(['ann', 0n, []], [[0n, 7n]], fault)).toEqual([7n, '0.00 of 0.00', null, [], 7n]);
});

test('what stands in for a missing decimal or int64 is that very number', () => {
  expect(evaluate(['ann', 1050n, []], [[null, null]], fault)).toEqual([
    null,
    '10.50 of 1.50',
    105n,
    [],
    9_007_199_254_740_993n,
  ]);
});

test('a stand-in that the type does not hold is refused', () => {
  const refused = (other: string) => {
    try {
      featureService('s', {
        request: { user: text() },
        join: (r) => ({ user: lookup(spend, { user: r.user }) }),
        compute: (_, f) => ({ spent: orElse(f.user.spent_1h, other) }),
      });
    } catch (error) {
      return isHeadraceError(error, 'EXPRESSION_LITERAL');
    }
    return false;
  };
  expect(['1.005', 'much', '', '1e30'].map(refused)).toEqual([true, true, true, true]);
  expect(refused('-1.25')).toBe(false);
});

function fault(view: { readonly name: string }, error: unknown): void {
  throw new Error(`${view.name}: ${String(error)}`);
}
