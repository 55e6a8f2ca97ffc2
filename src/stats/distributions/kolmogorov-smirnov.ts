import { binomialTerm, poissonTerm } from './deviance.ts';

/**
 * P(D_n > d) of the two-sided one-sample Kolmogorov–Smirnov statistic. Regions after Simard and L'Ecuyer 2011 (Journal
 * of Statistical Software 39/11), as scipy's `kstwo` chooses them.
 */
export function kolmogorovSmirnovSf(d: number, n: number): number {
  if (d >= 1) return 0;
  const t = n * d;
  if (t <= 0.5) return 1;
  if (t <= 1) return 1 - Math.exp(n * Math.log(2 * t - 1) - n) / poissonTerm(n, n);
  if (t >= n - 1) return 2 * (1 - d) ** n;
  const square = t * d;
  if (d >= 0.5 || square > (n <= 140 ? 4 : 2.2)) return square >= 370 ? 0 : Math.min(1, 2 * smirnovSf(d, n));
  const cdf = n <= 140 || (n <= 100_000 && n * d ** 1.5 <= 1.4) ? durbin(n, d) : pelzGood(n, d);
  return Math.min(1, Math.max(0, 1 - cdf));
}

/** P(D_n⁺ > d) of the one-sided statistic: Smirnov's sum of Birnbaum and Tingey 1951, all of whose terms are positive. */
function smirnovSf(d: number, n: number): number {
  const last = Math.floor(n * (1 - d));
  let sum = 0;
  for (let j = 0; j <= last; j += 1) {
    const p = d + j / n;
    if (p < 1) sum += binomialTerm(j, n, p, 1 - p) / p;
  }
  return d * sum;
}

/** P(D_n ≤ d) by powers of Durbin's matrix (Marsaglia, Tsang and Wang 2003, Journal of Statistical Software 8/18). */
function durbin(n: number, d: number): number {
  const k = Math.ceil(n * d);
  const size = 2 * k - 1;
  const h = k - n * d;
  const start = durbinMatrix(size, h);
  let power = identity(size);
  let powerExponent = 0;
  let base = start;
  let baseExponent = 0;
  for (let left = n; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) {
      power = multiply(power, base, size);
      powerExponent += baseExponent;
      if (power[(k - 1) * size + k - 1] > 1e140) {
        power = power.map((value) => value * 1e-140);
        powerExponent += 140;
      }
    }
    base = multiply(base, base, size);
    baseExponent *= 2;
    if (base[(k - 1) * size + k - 1] > 1e140) {
      base = base.map((value) => value * 1e-140);
      baseExponent += 140;
    }
  }
  let answer = power[(k - 1) * size + k - 1];
  for (let i = 1; i <= n; i += 1) {
    answer *= i / n;
    if (answer < 1e-140) {
      answer *= 1e140;
      powerExponent -= 140;
    }
  }
  return answer * 10 ** powerExponent;
}

function durbinMatrix(size: number, h: number): Float64Array {
  const matrix = new Float64Array(size * size);
  for (let i = 0; i < size; i += 1) for (let j = 0; j < size; j += 1) matrix[i * size + j] = i - j + 1 < 0 ? 0 : 1;
  for (let i = 0; i < size; i += 1) {
    matrix[i * size] -= h ** (i + 1);
    matrix[(size - 1) * size + i] -= h ** (size - i);
  }
  matrix[(size - 1) * size] += 2 * h - 1 > 0 ? (2 * h - 1) ** size : 0;
  for (let i = 0; i < size; i += 1)
    for (let j = 0; j < size; j += 1) for (let g = 2; g <= i - j + 1; g += 1) matrix[i * size + j] /= g;
  return matrix;
}

function identity(size: number): Float64Array {
  const matrix = new Float64Array(size * size);
  for (let i = 0; i < size; i += 1) matrix[i * size + i] = 1;
  return matrix;
}

function multiply(a: Float64Array, b: Float64Array, size: number): Float64Array {
  const product = new Float64Array(size * size);
  for (let i = 0; i < size; i += 1)
    for (let k = 0; k < size; k += 1) {
      const left = a[i * size + k];
      if (left !== 0) for (let j = 0; j < size; j += 1) product[i * size + j] += left * b[k * size + j];
    }
  return product;
}

/** P(D_n ≤ d) for large n (Pelz and Good 1976, JRSS B 38/2): K₀ + K₁/√n + K₂/n + K₃/n^{3/2}. */
function pelzGood(n: number, d: number): number {
  const root = Math.sqrt(n);
  const z = root * d;
  const z2 = z * z;
  const z4 = z2 * z2;
  const z6 = z4 * z2;
  const p2 = Math.PI * Math.PI;
  const half = Math.sqrt(Math.PI / 2);
  const weight = p2 / (2 * z2);
  const odd = (term: (square: number) => number) => series((j) => (j + 0.5) ** 2, weight, 0, term);
  const whole = (term: (square: number) => number) => series((j) => j * j, weight, 1, term);
  const k0 = (2 * half * odd(() => 1)) / z;
  const k1 = (half * odd((s) => p2 * s - z2)) / (3 * z4);
  const k2 =
    (half * odd((s) => 6 * z6 + 2 * z4 + p2 * (2 * z4 - 5 * z2) * s + p2 * p2 * (1 - 2 * z2) * s * s)) / (36 * z * z6) -
    (half * whole((s) => p2 * s)) / (18 * z * z2);
  const third = (s: number) =>
    -30 * z6 -
    90 * z6 * z2 +
    p2 * (135 * z4 - 96 * z6) * s +
    p2 * p2 * (212 * z4 - 60 * z2) * s * s +
    p2 ** 3 * s ** 3 * (5 - 30 * z2);
  const k3 =
    (half * odd(third)) / (3240 * z4 * z6) + (half * whole((s) => 3 * p2 * s * z2 - p2 * p2 * s * s)) / (108 * z6);
  return k0 + k1 / root + k2 / n + k3 / (n * root);
}

function series(square: (j: number) => number, weight: number, from: number, term: (square: number) => number): number {
  let sum = 0;
  for (let j = from; j < from + 60; j += 1) {
    const s = square(j);
    const factor = Math.exp(-s * weight);
    if (factor === 0) break;
    sum += term(s) * factor;
  }
  return sum;
}
