import { seededRandom } from '../../src/base/rng.ts';
import { edgeBins, type FrozenBins } from '../../src/monitoring/profile/frozen-bins.ts';
import { normalQuantile } from '../normal-quantile.ts';

/** The streams of a simulation: AR(1) of unit variance from row to row, by seed, kind and index, so that any part can be made again. */
export const KINDS = { windows: 0, references: 1, draws: 2, power: 3, looks: 4 } as const;

export interface StreamId {
  readonly seed: number;
  readonly kind: number;
  /** Autocorrelation from row to row. */
  readonly rho: number;
  readonly n: number;
  readonly index: number;
}

/** Every stream has its own seed: the run's, its kind, size and autocorrelation in the upper bits, its index in the lower. */
export function randomOf({ seed, kind, rho, n, index }: StreamId): () => number {
  const place = ((seed % 8192) * 8 + kind) * 32 + Math.round(Math.log10(n) * 3) + Math.round(rho * 10);
  return seededRandom((place % 2 ** 21) * 2 ** 32 + index);
}

/** Fills an array with rows that begin in the stationary state. Pairs of normal numbers by Box and Muller 1958. */
export function fillRows(random: () => number, rho: number, out: Float64Array): void {
  const noise = Math.sqrt(1 - rho * rho);
  let last = 0;
  let scale = 1;
  for (let i = 0; i < out.length; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    last = rho * last + scale * radius * Math.cos(angle);
    scale = noise;
    out[i] = last;
    if (i + 1 === out.length) break;
    last = rho * last + noise * radius * Math.sin(angle);
    out[i + 1] = last;
  }
}

/** Deciles of the population. A training set's own differ from them by the chance of its rows. */
const EDGES: readonly number[] = Array.from({ length: 9 }, (_, i) => normalQuantile((i + 1) / 10));
export const BINS: FrozenBins = edgeBins(EDGES);
/** Bins that hold numbers; one more is of missing values. */
export const FILLED = EDGES.length + 1;

const edges = Float64Array.from(EDGES);

/** The bin of a number: edges ≤ x. */
export function decileOf(x: number): number {
  let bin = x >= edges[4] ? 5 : 0;
  while (bin < 9 && edges[bin] <= x) bin += 1;
  return bin;
}
