import { studentTSf } from './distributions/student-t.ts';
import { ExactSum } from './exact-sum.ts';
import { finiteSample } from './sorted-sample.ts';

/**
 * Student's t test of two means, two-sided: `pooled` variance, or Welch's. Null with fewer than two values in a sample
 * or values that are not finite or whose squares are not. Two constants: t 0 and p 1 when equal, infinite and p 0 when not.
 */
export function tTest(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  { pooled = true }: { readonly pooled?: boolean } = {},
): { readonly t: number; readonly p: number; readonly df: number } | null {
  const first = moments(finiteSample(x));
  const second = moments(finiteSample(y));
  if (first === null || second === null) return null;
  const { error, df } = pooled ? pooledError(first, second) : welchError(first, second);
  const gap = first.mean - second.mean;
  if (!Number.isFinite(error) || !Number.isFinite(gap)) return null;
  if (error === 0) {
    const t = gap === 0 ? 0 : gap > 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    return { t, df, p: gap === 0 ? 1 : 0 };
  }
  const t = gap / error;
  return { t, df, p: 2 * studentTSf(Math.abs(t), df) };
}

interface Moments {
  readonly n: number;
  readonly mean: number;
  /** With n − 1. */
  readonly variance: number;
}

function moments(values: Float64Array | null): Moments | null {
  if (values === null || values.length < 2) return null;
  const n = values.length;
  const sum = new ExactSum();
  for (const value of values) sum.add(value);
  // Constant values have exactly their own mean, whatever n times the value rounds to.
  const mean = values.every((value) => value === values[0]) ? values[0] : sum.value / n;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  return { n, mean, variance };
}

function pooledError(a: Moments, b: Moments): { error: number; df: number } {
  const df = a.n + b.n - 2;
  const variance = ((a.n - 1) * a.variance + (b.n - 1) * b.variance) / df;
  return { error: Math.sqrt(variance * (1 / a.n + 1 / b.n)), df };
}

function welchError(a: Moments, b: Moments): { error: number; df: number } {
  const va = a.variance / a.n;
  const vb = b.variance / b.n;
  const share = va + vb === 0 ? 0.5 : va / (va + vb);
  const df = 1 / (share ** 2 / (a.n - 1) + (1 - share) ** 2 / (b.n - 1));
  return { error: Math.sqrt(va + vb), df };
}
