import { type Random, randomBelow, randomNormal, seededRandom } from '../base/rng.ts';

export interface MeanDiscrepancy {
  /** The squared distance of the two mean embeddings, without the part that two samples of one distribution have. */
  readonly statistic: number;
  /** Share of random splits of the pooled rows with a statistic at least as large, the observed one counted. */
  readonly p: number;
  /** The kernel's width. */
  readonly sigma: number;
  /** The statistic of each part of x against its others, and its standard deviation over random parts; without `parts` none. */
  readonly parts: { readonly statistics: readonly number[]; readonly noise: number };
}

export interface MeanDiscrepancyOptions {
  readonly seed: number;
  /** Random splits, at most; 200. */
  readonly permutations?: number;
  /** Random Fourier features; 256. */
  readonly features?: number;
  /** Parts into which x is cut in its order, to see how much it moves by itself; 0. */
  readonly parts?: number;
}

/** Splits with a statistic as large after which the others cannot make it significant (Besag and Clifford 1991). */
const ENOUGH = 20;
/** Random parts of x that say how much chance alone moves one. */
const RANDOM_PARTS = 40;

/**
 * MMD of two sets of vectors with a Gaussian kernel (Gretton et al. 2012) by random Fourier features (Rahimi and Recht
 * 2007). The width is the median distance of pooled rows. The p-value permutes **both** samples: a bootstrap of the
 * reference alone would always alarm. It stops early where many splits are as large. Null with fewer than two rows in a set, or components that
 * are not finite or too far apart for a double.
 */
export function maximumMeanDiscrepancy(
  x: readonly ArrayLike<number>[],
  y: readonly ArrayLike<number>[],
  { seed, permutations = 200, features = 256, parts = 0 }: MeanDiscrepancyOptions,
): MeanDiscrepancy | null {
  if (x.length < 2 || y.length < 2) return null;
  const rows = [...x, ...y];
  const size = rows[0].length;
  for (const row of rows) for (let i = 0; i < size; i += 1) if (!Number.isFinite(row[i])) return null;
  const random = seededRandom(seed);
  const sigma = medianDistance(rows, random);
  if (!Number.isFinite(sigma)) return null;
  if (sigma === 0) return { statistic: 0, p: 1, sigma: 0, parts: { statistics: Array(parts).fill(0), noise: 0 } };
  const embedded = embed(rows, size, features, sigma, random);
  const order = Uint32Array.from({ length: rows.length }, (_, i) => i);
  const whole = sumOf(embedded, order);
  const gap = () => squaredGap(sumOf(embedded, order.subarray(0, x.length)), whole);
  const statistic = gap();
  if (Number.isNaN(statistic)) return null;
  // Before the order is shuffled: parts are in the order of x.
  const own = partsOf(embedded, order.slice(0, x.length), parts, random);
  let [above, splits] = [1, 1];
  while (splits <= permutations && above < ENOUGH) {
    shuffle(order, random);
    splits += 1;
    if (gap() >= statistic) above += 1;
  }
  return { statistic, p: above / splits, sigma, parts: own };
}

function partsOf(embedded: Embedded, order: Uint32Array, parts: number, random: Random): MeanDiscrepancy['parts'] {
  const size = parts === 0 ? 0 : Math.floor(order.length / parts);
  if (size < 2 || size === order.length) return { statistics: [], noise: 0 };
  const whole = sumOf(embedded, order);
  const gap = (from: number) => squaredGap(sumOf(embedded, order.subarray(from, from + size)), whole);
  const statistics = Array.from({ length: parts }, (_, i) => gap(i * size));
  const byChance = Array.from({ length: RANDOM_PARTS }, () => {
    shuffle(order, random);
    return gap(0) ** 2;
  });
  return { statistics, noise: Math.sqrt(byChance.reduce((sum, one) => sum + one, 0) / RANDOM_PARTS) };
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

/** Rows as random features, and Σ v² of each. */
interface Embedded {
  readonly values: Float64Array;
  readonly squares: Float64Array;
  readonly features: number;
}

/** √(2/D)·cos(ωᵀx + b) for each row, ω normal over the width. */
function embed(
  rows: readonly ArrayLike<number>[],
  size: number,
  features: number,
  sigma: number,
  random: Random,
): Embedded {
  const omega = Float64Array.from({ length: features * size }, () => randomNormal(random) / sigma);
  const phase = Float64Array.from({ length: features }, () => random() * 2 * Math.PI);
  const scale = Math.sqrt(2 / features);
  const values = new Float64Array(rows.length * features);
  const squares = new Float64Array(rows.length);
  rows.forEach((row, r) => {
    for (let f = 0; f < features; f += 1) {
      let dot = phase[f];
      for (let i = 0; i < size; i += 1) dot += omega[f * size + i] * row[i];
      const value = scale * Math.cos(dot);
      values[r * features + f] = value;
      squares[r] += value * value;
    }
  });
  return { values, squares, features };
}

/** Sums over some rows. */
interface Sums {
  readonly rows: number;
  readonly vector: Float64Array;
  readonly squares: number;
}

function sumOf({ values, squares, features }: Embedded, order: Uint32Array): Sums {
  const vector = new Float64Array(features);
  let own = 0;
  for (const row of order) {
    const at = row * features;
    for (let f = 0; f < features; f += 1) vector[f] += values[at + f];
    own += squares[row];
  }
  return { rows: order.length, vector, squares: own };
}

/** The unbiased estimate for some rows and the rest of the whole: cross terms less the mean of pairs of different rows in each set. */
function squaredGap(first: Sums, whole: Sums): number {
  const n = first.rows;
  const m = whole.rows - n;
  let xx = -first.squares;
  let yy = first.squares - whole.squares;
  let xy = 0;
  for (let f = 0; f < first.vector.length; f += 1) {
    const a = first.vector[f];
    const b = whole.vector[f] - a;
    xx += a * a;
    yy += b * b;
    xy += a * b;
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
