import { expect, test } from 'vitest';
import { chiSquareSf } from '../../src/stats/distributions/chi-square.ts';
import { fisherFSf, fisherFUpperQuantile } from '../../src/stats/distributions/fisher-f.ts';
import { studentTSf } from '../../src/stats/distributions/student-t.ts';

test("F with 1 and b degrees is the square of Student's t, and with many it is χ²", () => {
  for (const b of [1, 4, 9.5, 60])
    for (const t of [0.3, 1, 2.5, 8]) expect(fisherFSf(t * t, 1, b)).toBeCloseTo(2 * studentTSf(t, b), 12);
  for (const a of [1, 3.3, 9]) expect(fisherFSf(2, a, 1e9)).toBeCloseTo(chiSquareSf(2 * a, a), 7);
});

test('the upper quantile is where the tail has that chance', () => {
  // Tables of Fisher and Yates: F(.05; 3, 10), F(.01; 5, 20), F(.001; 4, 8).
  expect(fisherFUpperQuantile(0.05, 3, 10)).toBeCloseTo(3.7083, 4);
  expect(fisherFUpperQuantile(0.01, 5, 20)).toBeCloseTo(4.1027, 4);
  expect(fisherFUpperQuantile(0.001, 4, 8)).toBeCloseTo(14.392, 3);
  for (const chance of [0.5, 1e-3, 1e-9])
    for (const [a, b] of [
      [1, 2],
      [4.7, 42.3],
      [9, 9000],
    ] as const)
      expect(fisherFSf(fisherFUpperQuantile(chance, a, b), a, b) / chance).toBeCloseTo(1, 8);
});
