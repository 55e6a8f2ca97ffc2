import { sortedSample } from './sorted-sample.ts';

/** Coefficients and levels of Scholz and Stephens 1987, table 2. */
const B0 = [0.675, 1.281, 1.645, 1.96, 2.326, 2.573, 3.085];
const B1 = [-0.245, 0.25, 0.678, 1.149, 1.822, 2.364, 3.615];
const B2 = [-0.105, -0.305, -0.362, -0.391, -0.396, -0.345, -0.154];
const LEVELS = [0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 0.001];

/**
 * The k-sample Anderson–Darling test with midranks (Scholz and Stephens 1987, eq. 7), standardised. p is between .001
 * and .25: the published table ends there. Null with fewer than two samples, an empty one, a NaN, or one value only.
 */
export function andersonDarlingTest(
  samples: readonly ArrayLike<number>[],
): { readonly statistic: number; readonly p: number } | null {
  const sorted = samples.flatMap((sample) => sortedSample(sample) ?? []);
  if (sorted.length !== samples.length || sorted.length < 2) return null;
  const pooled = concatenated(sorted).sort();
  const n = pooled.length;
  if (pooled[0] === pooled[n - 1] || n < 5) return null;
  const raw = sorted.reduce((sum, sample) => sum + distanceOf(sample, pooled), 0) * ((n - 1) / n);
  const statistic = (raw - (sorted.length - 1)) / Math.sqrt(varianceOf(sorted, n));
  return { statistic, p: levelOf(statistic, sorted.length - 1) };
}

function concatenated(samples: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(samples.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const sample of samples) {
    all.set(sample, at);
    at += sample.length;
  }
  return all;
}

function distanceOf(sample: Float64Array, pooled: Float64Array): number {
  const n = pooled.length;
  let sum = 0;
  let at = 0;
  for (let from = 0; from < n; ) {
    let to = from;
    while (to < n && pooled[to] === pooled[from]) to += 1;
    const before = at;
    while (at < sample.length && sample[at] === pooled[from]) at += 1;
    const equal = to - from;
    const middle = from + equal / 2;
    const mine = (before + at) / 2;
    sum += ((equal / n) * (n * mine - middle * sample.length) ** 2) / (middle * (n - middle) - (n * equal) / 4);
    from = to;
  }
  return sum / sample.length;
}

function varianceOf(samples: readonly Float64Array[], n: number): number {
  const k = samples.length;
  const inverse = samples.reduce((sum, { length }) => sum + 1 / length, 0);
  let h = 0;
  let g = 0;
  for (let i = n - 1; i >= 2; i -= 1) {
    h += 1 / i;
    g += h / (n - i + 1);
  }
  h += 1;
  const a = (4 * g - 6) * (k - 1) + (10 - 6 * g) * inverse;
  const b = (2 * g - 4) * k * k + 8 * h * k + (2 * g - 14 * h - 4) * inverse - 8 * h + 4 * g - 6;
  const c = (6 * h + 2 * g - 2) * k * k + (4 * h - 4 * g + 6) * k + (2 * h - 6) * inverse + 4 * h;
  const d = (2 * h + 6) * k * k - 4 * h * k;
  return (a * n ** 3 + b * n * n + c * n + d) / ((n - 1) * (n - 2) * (n - 3));
}

/** p by a parabola through ln(level) over the critical values, clipped to the table. */
function levelOf(statistic: number, m: number): number {
  const critical = B0.map((b0, i) => b0 + B1[i] / Math.sqrt(m) + B2[i] / m);
  if (statistic < Math.min(...critical)) return LEVELS[0];
  if (statistic > Math.max(...critical)) return LEVELS[LEVELS.length - 1];
  const [a, b, c] = parabola(critical, LEVELS.map(Math.log));
  return Math.exp((a * statistic + b) * statistic + c);
}

/** Least squares of degree 2: the normal equations over centred points. */
function parabola(x: readonly number[], y: readonly number[]): readonly [number, number, number] {
  const centre = x.reduce((sum, value) => sum + value, 0) / x.length;
  const s = [0, 0, 0, 0, 0];
  const t = [0, 0, 0];
  x.forEach((value, i) => {
    const u = value - centre;
    for (let k = 0; k < 5; k += 1) s[k] += u ** k;
    for (let k = 0; k < 3; k += 1) t[k] += u ** k * y[i];
  });
  const determinant = (m: readonly number[]) =>
    m[0] * (m[4] * m[8] - m[5] * m[7]) - m[1] * (m[3] * m[8] - m[5] * m[6]) + m[2] * (m[3] * m[7] - m[4] * m[6]);
  const whole = determinant([s[4], s[3], s[2], s[3], s[2], s[1], s[2], s[1], s[0]]);
  const a = determinant([t[2], s[3], s[2], t[1], s[2], s[1], t[0], s[1], s[0]]) / whole;
  const b = determinant([s[4], t[2], s[2], s[3], t[1], s[1], s[2], t[0], s[0]]) / whole;
  const c = determinant([s[4], s[3], t[2], s[3], s[2], t[1], s[2], s[1], t[0]]) / whole;
  return [a, b - 2 * a * centre, c - b * centre + a * centre * centre];
}
