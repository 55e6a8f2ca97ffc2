import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ExactSum } from '../../src/stats/exact-sum.ts';

/** Doubles of all sizes whose products neither overflow nor underflow. */
const number = fc
  .tuple(fc.integer({ min: -(2 ** 52), max: 2 ** 52 }), fc.integer({ min: -200, max: 200 }))
  .map(([mantissa, exponent]) => mantissa * 2 ** exponent);
const numbers = fc.array(number, { maxLength: 40, size: 'max' });

const BITS = 1_100n;

/** A double times 2^1100, exactly. */
function scaled(x: number): bigint {
  let exponent = 0n;
  let whole = x;
  while (!Number.isInteger(whole)) {
    whole *= 2;
    exponent += 1n;
  }
  return BigInt(whole) << (BITS - exponent);
}

/** The double nearest to a sum that is scaled by 2^`bits`, ties to even. */
function nearest(sum: bigint, bits: bigint): number {
  const sign = sum < 0n ? -1 : 1;
  const size = sum < 0n ? -sum : sum;
  const extra = BigInt(Math.max(0, size.toString(2).length - 53));
  const rest = size & ((1n << extra) - 1n);
  const half = extra === 0n ? 0n : 1n << (extra - 1n);
  let kept = size >> extra;
  if (extra > 0n && (rest > half || (rest === half && (kept & 1n) === 1n))) kept += 1n;
  // Two steps: one factor alone may be below the doubles.
  const power = Number(extra - bits);
  return sign * Number(kept) * 2 ** Math.trunc(power / 2) * 2 ** (power - Math.trunc(power / 2));
}

function sumOf(some: readonly number[]): ExactSum {
  const sum = new ExactSum();
  for (const one of some) sum.add(one);
  return sum;
}

test('the value is the double nearest to the exact sum, in every order and however sums are merged', () => {
  fc.assert(
    fc.property(numbers, fc.nat(), (some, at) => {
      const exact = nearest(
        some.reduce((sum, one) => sum + scaled(one), 0n),
        BITS,
      );
      expect(sumOf(some).value + 0).toBe(exact + 0);
      expect(sumOf(some.toReversed()).value + 0).toBe(exact + 0);
      const cut = at % (some.length + 1);
      const merged = sumOf(some.slice(cut));
      merged.addSum(sumOf(some.slice(0, cut)));
      expect(merged.value + 0).toBe(exact + 0);
    }),
  );
});

test('products are added exactly, and so is a sum times a number', () => {
  fc.assert(
    fc.property(numbers, number, (some, factor) => {
      const exact = nearest(
        some.reduce((sum, one) => sum + scaled(one) * scaled(factor), 0n),
        2n * BITS,
      );
      const products = new ExactSum();
      for (const one of some) products.addProduct(one, factor);
      expect(products.value + 0).toBe(exact + 0);
      const times = new ExactSum();
      times.addSumTimes(sumOf(some), factor);
      expect(times.value + 0).toBe(exact + 0);
    }),
  );
});

test('a tenth ten times is one, and what cancels leaves what is small', () => {
  expect(sumOf(new Array(10).fill(0.1)).value).toBe(1);
  expect(sumOf([1e100, 1, -1e100]).value).toBe(1);
  expect(sumOf([1, 2 ** -53, 2 ** -106]).value).toBe(1 + 2 ** -52);
  expect(sumOf([]).value).toBe(0);
});

test('what is not finite stays so', () => {
  expect(sumOf([1, Number.POSITIVE_INFINITY, 2]).value).toBe(Number.POSITIVE_INFINITY);
  expect(sumOf([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]).value).toBeNaN();
  expect(sumOf([Number.NaN, 1]).value).toBeNaN();
  expect(sumOf([1.7e308, 1.7e308]).value).toBe(Number.POSITIVE_INFINITY);
});
