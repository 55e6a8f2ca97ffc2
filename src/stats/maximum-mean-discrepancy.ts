import { type Random, randomBelow, randomNormal, seededRandom } from '../base/rng.ts';

export interface MeanDiscrepancy {
  /** The squared distance of the two mean embeddings, without the part that two samples of one distribution have. */
  readonly statistic: number;
  /** Share of random splits of the pooled rows with a statistic at least as large, the observed one counted. */
  readonly p: number;
  /** The kernel's width. */
  readonly sigma: number;
}

export interface MeanDiscrepancyOptions {
  readonly seed: number;
  /** Random splits; 200. */
  readonly permutations?: number;
  /** Random Fourier features; 256. */
  readonly features?: number;
}

/**
 * MMD of two sets of vectors with a Gaussian kernel (Gretton et al. 2012) by random Fourier features (Rahimi and Recht
 * 2007). The width is the median distance of pooled rows. The p-value permutes **both** samples: a bootstrap of the
 * reference alone would always alarm. Null with fewer than two rows in a set, or components that are not finite or too far apart for a double.
 */
export function maximumMeanDiscrepancy(
  x: readonly ArrayLike<number>[],
  y: readonly ArrayLike<number>[],
  { seed, permutations = 200, features = 256 }: MeanDiscrepancyOptions,
): MeanDiscrepancy | null {
  if (x.length < 2 || y.length < 2) return null;
  const rows = [...x, ...y];
  const size = rows[0].length;
  for (const row of rows) for (let i = 0; i < size; i += 1) if (!Number.isFinite(row[i])) return null;
  const random = seededRandom(seed);
  const sigma = medianDistance(rows, random);
  if (sigma === 0) return { statistic: 0, p: 1, sigma: 0 };
  const embedded = embed(rows, size, features, sigma, random);
  const order = Uint32Array.from({ length: rows.length }, (_, i) => i);
  const seen = squaredGap(embedded, order, x.length, features);
  if (Number.isNaN(seen)) return null;
  let above = 1;
  for (let i = 0; i < permutations; i += 1) {
    shuffle(order, random);
    if (squaredGap(embedded, order, x.length, features) >= seen) above += 1;
  }
  return { statistic: seen, p: above / (permutations + 1), sigma };
}

function medianDistance(rows: readonly ArrayLike<number>[], random: Random): number {
  const distances = Float64Array.from({ length: 1000 }, () => {
    const a = rows[randomBelow(random, rows.length)];
    const b = rows[randomBelow(random, rows.length)];
    let sum = 0;
    for (let i = 0; i < a.length; i += 1) sum += (a[i] - b[i]) ** 2;
    return Math.sqrt(sum);
  })
    .filter((distance) => distance > 0)
    .sort();
  return distances.length === 0 ? 0 : distances[distances.length >> 1];
}

/** √(2/D)·cos(ωᵀx + b) for each row, ω normal over the width. */
function embed(
  rows: readonly ArrayLike<number>[],
  size: number,
  features: number,
  sigma: number,
  random: Random,
): Float64Array {
  const omega = Float64Array.from({ length: features * size }, () => randomNormal(random) / sigma);
  const phase = Float64Array.from({ length: features }, () => random() * 2 * Math.PI);
  const scale = Math.sqrt(2 / features);
  const embedded = new Float64Array(rows.length * features);
  rows.forEach((row, r) => {
    for (let f = 0; f < features; f += 1) {
      let dot = phase[f];
      for (let i = 0; i < size; i += 1) dot += omega[f * size + i] * row[i];
      embedded[r * features + f] = scale * Math.cos(dot);
    }
  });
  return embedded;
}

/** The unbiased estimate: cross terms less the mean of pairs of different rows in each set. */
function squaredGap(embedded: Float64Array, order: Uint32Array, n: number, features: number): number {
  const m = order.length - n;
  const first = new Float64Array(features);
  const second = new Float64Array(features);
  let ownFirst = 0;
  let ownSecond = 0;
  for (let r = 0; r < order.length; r += 1) {
    const at = order[r] * features;
    const sum = r < n ? first : second;
    let own = 0;
    for (let f = 0; f < features; f += 1) {
      const value = embedded[at + f];
      sum[f] += value;
      own += value * value;
    }
    if (r < n) ownFirst += own;
    else ownSecond += own;
  }
  let xx = -ownFirst;
  let yy = -ownSecond;
  let xy = 0;
  for (let f = 0; f < features; f += 1) {
    xx += first[f] * first[f];
    yy += second[f] * second[f];
    xy += first[f] * second[f];
  }
  return xx / (n * (n - 1)) + yy / (m * (m - 1)) - (2 * xy) / (n * m);
}

function shuffle(order: Uint32Array, random: Random): void {
  for (let i = order.length - 1; i > 0; i -= 1) {
    const j = randomBelow(random, i + 1);
    const held = order[i];
    order[i] = order[j];
    order[j] = held;
  }
}
