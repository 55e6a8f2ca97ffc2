import { chiSquareSf } from './distributions/chi-square.ts';
import { quantileOfSorted } from './quantile-of-sorted.ts';
import { finiteSample } from './sorted-sample.ts';
import { symmetricEigen } from './symmetric-eigen.ts';

const POINTS = [0.4, 0.8];

/**
 * The Epps–Singleton test of two characteristic functions at .4 and .8, with the correction for small samples
 * (Epps and Singleton 1986), equal to scipy's `epps_singleton_2samp`. Null with fewer than five values in a sample,
 * values that are not finite, or an interquartile range of 0 or below the normal doubles.
 */
export function eppsSingletonTest(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
): { readonly statistic: number; readonly p: number } | null {
  const first = finiteSample(x);
  const second = finiteSample(y);
  if (first === null || second === null || Math.min(first.length, second.length) < 5) return null;
  const pooled = new Float64Array(first.length + second.length);
  pooled.set(first);
  pooled.set(second, first.length);
  pooled.sort();
  const spread = (quantileOfSorted(pooled, 0.75) - quantileOfSorted(pooled, 0.25)) / 2;
  if (!(spread > 0)) return null;
  const n = pooled.length;
  const a = characteristic(first, spread);
  const b = characteristic(second, spread);
  const covariance = a.covariance.map((row, i) =>
    row.map((value, j) => (n / first.length) * value + (n / second.length) * b.covariance[i][j]),
  );
  const { form, rank } = inverseForm(
    covariance,
    a.mean.map((value, i) => value - b.mean[i]),
  );
  const statistic = n * form * correction(first.length, second.length);
  if (Number.isNaN(statistic)) return null;
  return { statistic, p: chiSquareSf(statistic, rank) };
}

function correction(n: number, m: number): number {
  return Math.max(n, m) < 25 ? 1 / (1 + (n + m) ** -0.45 + 10.1 * (n ** -1.7 + m ** -1.7)) : 1;
}

function characteristic(values: Float64Array, spread: number): { mean: number[]; covariance: number[][] } {
  const of = (value: number) => [
    ...POINTS.map((t) => Math.cos((t / spread) * value)),
    ...POINTS.map((t) => Math.sin((t / spread) * value)),
  ];
  const mean = [0, 0, 0, 0];
  for (const value of values)
    of(value).forEach((part, i) => {
      mean[i] += part / values.length;
    });
  const covariance = mean.map(() => [0, 0, 0, 0]);
  for (const value of values) {
    const parts = of(value);
    for (let i = 0; i < 4; i += 1)
      for (let j = 0; j < 4; j += 1) covariance[i][j] += ((parts[i] - mean[i]) * (parts[j] - mean[j])) / values.length;
  }
  return { mean, covariance };
}

/** vᵀ·M⁺·v with the pseudo-inverse of a symmetric matrix, and the rank. */
function inverseForm(matrix: readonly (readonly number[])[], v: readonly number[]): { form: number; rank: number } {
  const { values, vectors } = symmetricEigen(matrix);
  const largest = Math.max(...values.map(Math.abs));
  let form = 0;
  let rank = 0;
  values.forEach((value, k) => {
    if (Math.abs(value) <= largest * 1e-15) return;
    rank += 1;
    const along = v.reduce((sum, part, i) => sum + part * vectors[i][k], 0);
    form += (along * along) / value;
  });
  return { form, rank };
}
