import { expect, test } from 'vitest';
import { randomNormal, seededRandom } from '../../src/base/rng.ts';
import { findSlices } from '../../src/monitoring/detect/find-slices.ts';

const ROWS = 8_000;

/** Six features without any bearing on the loss, unless `worse` raises it. */
function table(seed: number, worse: (row: { readonly country: string; readonly amount: number }) => number) {
  const random = seededRandom(seed);
  const country = Array.from({ length: ROWS }, () => ['de', 'fr', 'us', null][Math.floor(random() * 4)]);
  const amount = Float64Array.from({ length: ROWS }, () => randomNormal(random));
  const others = ['a', 'b', 'c'].map((name) => [name, Float64Array.from({ length: ROWS }, () => random())] as const);
  const id = Array.from({ length: ROWS }, (_, i) => `row-${i}`);
  const losses = Float64Array.from(
    amount,
    (value, i) => random() ** 2 + worse({ country: country[i] ?? 'none', amount: value }),
  );
  return {
    columns: new Map<string, Float64Array | (string | null)[]>([
      ['country', country],
      ['amount', amount],
      ...others,
      ['id', id],
    ]),
    losses,
  };
}

test('without a worse slice none is found: each look is paid for', () => {
  let alarms = 0;
  for (let seed = 1; seed <= 20; seed += 1) {
    const { columns, losses } = table(seed, () => 0);
    const found = findSlices(columns, losses);
    expect(found.looked).toBeGreaterThan(150);
    expect(found.excluded).toEqual([{ name: 'id', reason: 'every row has its own value' }]);
    alarms += found.slices.length > 0 ? 1 : 0;
  }
  // At most 5 % by design; 20 seeds that are fixed.
  expect(alarms).toBeLessThanOrEqual(1);
});

test('a slice of one feature is found alone, not again with every other feature', () => {
  const { columns, losses } = table(3, ({ country }) => (country === 'us' ? 0.2 : 0));
  const { slices } = findSlices(columns, losses);
  expect(slices.map(({ conditions }) => conditions)).toEqual([['country = us']]);
  expect(slices[0].loss - slices[0].restLoss).toBeCloseTo(0.2, 1);
});

test('a slice that only two features together show is the worst one', () => {
  const { columns, losses } = table(4, ({ country, amount }) => (country === 'none' && amount > 0.9 ? 0.8 : 0));
  const [worst] = findSlices(columns, losses).slices;
  expect(worst.conditions[0]).toBe('country is missing');
  expect(worst.conditions[1]).toMatch(/^amount ≥ 0\.[6-9]/);
});

test('empty, constant and tiny tables have an answer', () => {
  expect(findSlices(new Map(), new Float64Array(0))).toMatchObject({ rows: 0, loss: 0, looked: 0, slices: [] });
  const few = findSlices(new Map([['x', Float64Array.from([1, 2, 3])]]), Float64Array.from([1, 2, 3]));
  expect([few.looked, few.slices]).toEqual([0, []]);
  const constant = findSlices(new Map([['x', new Float64Array(500).fill(1)]]), new Float64Array(500).fill(2));
  expect(constant.slices).toEqual([]);
});
