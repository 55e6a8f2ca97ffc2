import { expect, test } from 'vitest';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { aggregateOf } from '../../src/features/aggregate/aggregates.ts';
import type { AggregateKind, AggregateSpec } from '../../src/features/define/declaration.ts';
import type { Cells } from '../../src/features/tile/cells.ts';
import type { ColumnSpec, Value, ValueType } from '../../src/schema/column.ts';
import { everyAggregate } from '../../src/testing/arbitraries/any-aggregate.ts';
import { aggregate } from './golden-view.ts';

const int: ColumnSpec = { type: 'int', nullable: true };
const int64: ColumnSpec = { type: 'int64', nullable: true };

function answer(spec: AggregateSpec, values: readonly Value[]): Value | undefined {
  const algebra = aggregateOf(spec);
  const cells: Cells = { nums: new Float64Array(algebra.numbers), objs: new Array(algebra.objects).fill(null) };
  algebra.prepare(cells, 0, 0);
  values.forEach((value, i) => {
    algebra.update(cells, 0, 0, value, i, `e${i}`);
  });
  return algebra.finalise(cells, 0, 0);
}

test('a sum has an answer up to the limits of its type, none beyond, and one again once it is back', () => {
  const most = Number.MAX_SAFE_INTEGER;
  const sum = aggregate('s', 'sum', 'v', int);
  expect(answer(sum, [most - 1, 1])).toBe(most);
  expect(answer(sum, [most, 1])).toBeUndefined();
  expect(answer(sum, [most, most, -most])).toBe(most);
  expect(answer(sum, [-most, -1])).toBeUndefined();
  const wide = aggregate('s', 'sum', 'v', int64);
  const [least, greatest] = [-(2n ** 63n), 2n ** 63n - 1n];
  expect(answer(wide, [greatest - 1n, 1n])).toBe(greatest);
  expect(answer(wide, [greatest, 1n])).toBeUndefined();
  expect(answer(wide, [least, 1n, -1n])).toBe(least);
  expect(answer(wide, [least, -1n])).toBeUndefined();
  expect(answer(wide, [least, least, greatest, greatest])).toBe(-2n);
});

test('min and max of int64 are exact at its limits and beyond 2^53', () => {
  const values = [2n ** 53n, 2n ** 53n + 1n, -(2n ** 63n), 2n ** 63n - 1n, 2n ** 63n - 2n];
  expect(answer(aggregate('m', 'max', 'v', int64), values)).toBe(2n ** 63n - 1n);
  expect(answer(aggregate('m', 'min', 'v', int64), values)).toBe(-(2n ** 63n));
  expect(answer(aggregate('m', 'max', 'v', int64), values.slice(0, 2))).toBe(2n ** 53n + 1n);
});

test('a mean and a variance of values beyond 2^53 in sum are those of exact integers', () => {
  const values = Array.from({ length: 1000 }, (_, i) => 3_000_000_000_000_000 - (i % 7));
  const exact = values.map(BigInt);
  const total = exact.reduce((a, b) => a + b, 0n);
  const squares = exact.reduce((a, b) => a + b * b, 0n);
  expect(answer(aggregate('m', 'mean', 'v', int), values)).toBe(Number(total) / 1000);
  expect(answer(aggregate('m', 'variancePop', 'v', int), values)).toBe(Number(1000n * squares - total * total) / 1e6);
  expect(answer(aggregate('m', 'variancePop', 'v', int), [...values, 3_000_000_000_000_001])).toBeUndefined();
});

test('over nothing a count is 0, a list is empty and every other answer null', () => {
  const zero = new Set<AggregateKind>(['count', 'distinct', 'approxDistinct']);
  const list = new Set<AggregateKind>(['lastN', 'topK', 'topKCounts']);
  for (const spec of everyAggregate) {
    const whole = { ...spec, params: { n: 2, cap: 2, k: 2, q: 0.5 } };
    const want = zero.has(spec.kind) ? 0 : list.has(spec.kind) ? [] : null;
    expect(answer(whole, []), spec.name).toEqual(want);
    if (spec.input !== null) expect(answer(whole, [null, null]), spec.name).toEqual(want);
  }
});

test('the type of an answer says whether it can be null', () => {
  for (const spec of everyAggregate) {
    const { result } = aggregateOf({ ...spec, params: { n: 2, cap: 2, k: 2, q: 0.5 } });
    const overNothing = answer({ ...spec, params: { n: 2, cap: 2, k: 2, q: 0.5 } }, []);
    expect(result.nullable, spec.name).toBe(overNothing === null);
  }
});

test('kinds refuse the types they do not take, sums and means of floats among them', () => {
  const types: readonly ValueType[] = ['text', 'int', 'int64', 'decimal', 'float', 'bool', 'time', 'list'];
  const kinds = [...new Set(everyAggregate.map(({ kind }) => kind))];
  const params = { n: 2, cap: 2, k: 2, q: 0.5 };
  const taken = new Set(everyAggregate.map(({ kind, inputType }) => `${kind} ${inputType?.type ?? 'none'}`));
  let refused = 0;
  for (const kind of kinds) {
    for (const type of types) {
      // A count takes lists as well, of which random streams have none.
      if (taken.has(`${kind} ${type}`) || kind === 'count') continue;
      const code = codeOf(() => aggregateOf({ ...aggregate('a', kind, 'v', { type, nullable: true }), params }));
      expect(code, `${kind} of ${type}`).toBe('AGGREGATE_INPUT');
      refused += 1;
    }
    if (kind !== 'count')
      expect(codeOf(() => aggregateOf({ ...aggregate('a', kind, null, null), params }))).toBe('AGGREGATE_INPUT');
  }
  for (const kind of [
    'sum',
    'mean',
    'variancePop',
    'stddevSample',
    'quantile',
    'topK',
    'topKCounts',
    'approxDistinct',
  ] as const) {
    expect(taken.has(`${kind} float`), kind).toBe(false);
  }
  expect(refused).toBeGreaterThan(40);
});

test('parameters that a kind cannot use are refused', () => {
  const wrong: readonly (readonly [AggregateKind, Record<string, number>])[] = [
    ['lastN', {}],
    ['lastN', { n: 0 }],
    ['lastN', { n: 1.5 }],
    ['lastN', { n: 1001 }],
    ['distinct', {}],
    ['distinct', { cap: 0 }],
    ['quantile', { q: -0.1 }],
    ['quantile', { q: 1.1 }],
    ['quantile', { q: Number.NaN }],
    ['topK', { k: 3 }],
    ['topK', { cap: 3 }],
    ['topK', { k: 3, cap: 1_000_001 }],
  ];
  for (const [kind, params] of wrong) {
    expect(
      codeOf(() => aggregateOf(aggregate('a', kind, 'v', int, params))),
      kind,
    ).toBe('AGGREGATE_PARAM');
  }
});

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return isHeadraceError(error) ? error.code : String(error);
  }
  return 'none';
}
