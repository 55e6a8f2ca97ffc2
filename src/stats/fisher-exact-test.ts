import { binomialTerm } from './distributions/deviance.ts';

/** Sums of probabilities that equal the observed one within rounding, as scipy. */
const EQUAL = 1 + 1e-14;

/**
 * Fisher's exact test of a 2 × 2 table of whole counts: the two-sided p, the sum of all tables that are at most as likely
 * as this one. Null for a table without a count.
 */
export function fisherExactTest(a: readonly [number, number], b: readonly [number, number]): number | null {
  const row = a[0] + a[1];
  const total = row + b[0] + b[1];
  const column = a[0] + b[0];
  if (!(total > 0) || !Number.isFinite(total)) return null;
  const p = column / total;
  const all = binomialTerm(column, total, p, 1 - p);
  const of = (k: number) => (binomialTerm(k, row, p, 1 - p) * binomialTerm(column - k, total - row, p, 1 - p)) / all;
  const seen = of(a[0]);
  let sum = 0;
  for (let k = Math.max(0, column + row - total); k <= Math.min(row, column); k += 1) {
    const one = of(k);
    if (one <= seen * EQUAL) sum += one;
  }
  return Math.min(1, sum);
}
