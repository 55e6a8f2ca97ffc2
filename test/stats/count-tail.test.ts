import { expect, test } from 'vitest';
import { countTail } from '../../src/stats/count-tail.ts';

test.each([
  [0, 10, 0],
  [5, 10, 0],
  [5, 10, 0.1],
  [40, 100, 0.04],
  [99, 100, 1],
])('P(X <= %d) of mean %d and dispersion %d is the sum of its terms', (count, mean, dispersion) => {
  let term = dispersion === 0 ? Math.exp(-mean) : (1 + dispersion * mean) ** (-1 / dispersion);
  let sum = term;
  for (let k = 1; k <= count; k += 1) {
    term *=
      dispersion === 0 ? mean / k : (((1 / dispersion + k - 1) / k) * dispersion * mean) / (1 + dispersion * mean);
    sum += term;
  }
  expect(countTail(count, mean, dispersion)).toBeCloseTo(sum, 10);
});

test('a count that no distribution has is null', () => {
  for (const [count, mean, dispersion] of [
    [1, 0, 0],
    [1, Number.NaN, 0],
    [-1, 5, 0],
    [1, 5, -1],
    [Number.NaN, 5, 0],
  ])
    expect(countTail(count, mean, dispersion)).toBeNull();
});
