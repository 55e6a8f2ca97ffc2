import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { sortedFinite, sortNumbers } from '../../src/stats/sort-numbers.ts';

/** The rule of the engine: ascending, −0 before 0. */
function plain(numbers: Float64Array): Float64Array {
  return numbers.filter(Number.isFinite).sort();
}

/** Arrays that are long enough to be sorted by digits. */
function long(seed: number, value: (random: () => number, i: number) => number): Float64Array {
  const random = seededRandom(seed);
  return Float64Array.from({ length: 5000 }, (_, i) => value(random, i));
}

const odd = [
  0,
  -0,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  5e-324,
  -5e-324,
  1.79e308,
  -1.79e308,
];

test.each<readonly [string, (random: () => number, i: number) => number]>([
  ['of both signs', (random) => random() - 0.5],
  ['of any bits', (random) => doubleOf(random)],
  ['alike in their upper half', (random) => 1.7e12 + Math.floor(random() * 1e5)],
  ['whole', (random) => Math.floor(random() * 7) - 3],
  ['all below 0', (random) => -random() * 1e9],
  ['equal', () => 42],
  ['odd', (random) => odd[Math.floor(random() * odd.length)]],
  ['in order', (_, i) => i],
  ['in the other order', (_, i) => -i],
])('numbers %s are sorted as the engine sorts them, bit by bit', (_, value) => {
  for (const seed of [1, 2, 3]) {
    const numbers = long(seed, value);
    const kept = numbers.slice();
    expect(bytesOf(sortedFinite(numbers))).toEqual(bytesOf(plain(numbers)));
    // The rows stay as they are.
    expect(bytesOf(numbers)).toEqual(bytesOf(kept));
  }
});

test('short arrays are sorted the same way', () => {
  fc.assert(
    fc.property(fc.float64Array({ maxLength: 60 }), (numbers) => {
      expect(bytesOf(sortedFinite(numbers))).toEqual(bytesOf(plain(numbers)));
    }),
  );
});

test('numbers in the middle of a buffer are sorted, and those around them stay', () => {
  const numbers = long(4, (random) => random() - 0.5);
  const part = numbers.subarray(200, 4_800);
  const expected = plain(part);
  const around = [numbers.slice(0, 200), numbers.slice(4_800)].map(bytesOf);
  expect(bytesOf(sortNumbers(part))).toEqual(bytesOf(expected));
  expect([numbers.slice(0, 200), numbers.slice(4_800)].map(bytesOf)).toEqual(around);
});

function doubleOf(random: () => number): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setUint32(0, Math.floor(random() * 2 ** 32));
  view.setUint32(4, Math.floor(random() * 2 ** 32));
  return view.getFloat64(0);
}

function bytesOf(numbers: Float64Array): Buffer {
  return Buffer.from(numbers.slice().buffer);
}
