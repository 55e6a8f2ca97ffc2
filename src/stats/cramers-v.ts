import { chiSquareTest } from './chi-square-test.ts';

/** Cramér's V of two count vectors: √(χ²/N) for two rows. Null where a row has no count. */
export function cramersV(a: ArrayLike<number>, b: ArrayLike<number>): number | null {
  const test = chiSquareTest(a, b);
  if (test === null) return null;
  let total = 0;
  for (let i = 0; i < a.length; i += 1) total += a[i] + b[i];
  return Math.sqrt(test.statistic / total);
}
