import { chiSquareSf } from './distributions/chi-square.ts';

export interface ContingencyTest {
  readonly statistic: number;
  readonly p: number;
  readonly df: number;
}

/**
 * χ² of a 2 × K table: whether two count vectors come from one distribution. Categories that are empty in both are left
 * out. `yates` corrects a 2 × 2 table, as scipy does by default; drift wants it off. Null where a row has no count.
 */
export function chiSquareTest(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  { yates = false }: { readonly yates?: boolean } = {},
): ContingencyTest | null {
  const table = expectedCounts(a, b);
  if (table === null) return null;
  const { pairs, df } = table;
  let statistic = 0;
  for (const [seen, expected] of pairs) {
    const gap = Math.abs(seen - expected);
    const corrected = yates && df === 1 ? gap - Math.min(0.5, gap) : gap;
    statistic += (corrected * corrected) / expected;
  }
  return { statistic, df, p: chiSquareSf(statistic, df) };
}

/** [observed, expected] of each cell under independence; null where a row is empty or a count is not a finite number. */
export function expectedCounts(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
): { readonly pairs: readonly (readonly [number, number])[]; readonly df: number } | null {
  let n = 0;
  let m = 0;
  for (let i = 0; i < a.length; i += 1) {
    n += a[i];
    m += b[i];
  }
  if (!(n > 0 && m > 0 && Number.isFinite(n + m))) return null;
  const pairs: (readonly [number, number])[] = [];
  let kept = 0;
  for (let i = 0; i < a.length; i += 1) {
    const both = a[i] + b[i];
    if (both === 0) continue;
    kept += 1;
    pairs.push([a[i], (both * n) / (n + m)], [b[i], (both * m) / (n + m)]);
  }
  return { pairs, df: kept - 1 };
}
