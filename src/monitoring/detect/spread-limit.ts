import { fisherFUpperQuantile } from '../../stats/distributions/fisher-f.ts';
import { type BlockSpread, MANY_BLOCKS } from './block-spread.ts';
import type { DriftLimit } from './feature-comparison.ts';

export interface SpreadLimitOptions {
  /** Spreads of the reference, smallest blocks first. */
  readonly spreads: readonly BlockSpread[];
  /** Rows of the window and of the reference. */
  readonly rows: number;
  readonly reference: number;
  /** Bins that hold a count. */
  readonly bins: number;
  /** Chance of a quiet window beyond the limit. */
  readonly chance: number;
}

/**
 * The limit of the debiased PSI for a window of `rows`, from the reference's own blocks of as many rows: the PSI that a quiet
 * block exceeds with `chance`. Null without blocks.
 *
 * Without drift PSI is about Σ λᵢ χ²₁, whatever the dependence of rows (Rao and Scott 1981); its tail is exponential.
 */
export function spreadLimit(options: SpreadLimitOptions): Omit<DriftLimit, 'chunks'> | null {
  const { spreads, rows, reference, chance } = options;
  const free = Math.max(1, options.bins - 1);
  const top = spreads.at(-1);
  if (top === undefined || top.mean <= 0 || rows <= 0) return null;
  const mean = between(spreads, rows, unbiasedMean);
  const quantile = between(spreads, rows, (spread) => quantileOf(spread, free, chance));
  // The reference is one more sample: it moves as its largest blocks do.
  const own = Math.max((unbiasedMean(top) * top.size) / reference, free / reference);
  const independent = free * (1 / rows + 1 / reference);
  return {
    psi: Math.max(0, quantile * (1 + own / mean) - independent),
    designEffect: Math.max(1, (mean + own) / independent),
  };
}

/** A block is a part of the whole that it is compared with. */
function unbiasedMean({ blocks, mean }: BlockSpread): number {
  return (mean * blocks) / (blocks - 1);
}

/** Many blocks show their tail; of few only mean and variance are known. */
function quantileOf(spread: BlockSpread, free: number, chance: number): number {
  const { blocks, top } = spread;
  if (blocks >= MANY_BLOCKS && chance < (top.length - 1) / blocks) return tailQuantile(spread, chance);
  return momentQuantile(spread, free, chance);
}

/**
 * The k largest of C lie above a threshold u, the next of them; excesses are exponential with their mean β. Their predictive quantile,
 * which counts that β is estimated, is u + kβ((k/(C·chance))^(1/k) − 1), a Pareto law (Aitchison and Dunsmore 1975, §2).
 */
function tailQuantile({ blocks, top }: BlockSpread, chance: number): number {
  const k = top.length - 1;
  const threshold = top[k];
  const excess = top.reduce((sum, psi) => sum + (psi - threshold), 0);
  return threshold + excess * ((k / (blocks * chance)) ** (1 / k) - 1);
}

/**
 * Mean · F with f and f·(C − 1) degrees of freedom, f = 2 mean²/variance: Satterthwaite's χ² (1946), second-order correction of Rao and
 * Scott (1984), with the F of Thomas and Rao (1987) because the mean is estimated.
 */
function momentQuantile(spread: BlockSpread, free: number, chance: number): number {
  const { blocks, mean, variance } = spread;
  const f = Math.min(free, Math.max(1, variance > 0 ? (2 * mean ** 2) / variance : free));
  return unbiasedMean(spread) * fisherFUpperQuantile(chance, f, f * (blocks - 1));
}

/**
 * A fact of blocks of `rows`: between two sizes by a power of the size, of smaller ones as of independent rows. Of larger ones only the part
 * that neighbours have too becomes smaller: a level that changes slowly, as a season, is as far off whatever the rows.
 */
function between(spreads: readonly BlockSpread[], rows: number, fact: (spread: BlockSpread) => number): number {
  const after = spreads.findIndex(({ size }) => size >= rows);
  const high = spreads[after === -1 ? spreads.length - 1 : after];
  const low = spreads[after - 1];
  if (after === -1) return fact(high) * shrink(high, rows);
  if (low === undefined) return fact(high) * (high.size / rows);
  const share = Math.log(rows / low.size) / Math.log(high.size / low.size);
  const [a, b] = [fact(low), fact(high)];
  return a <= 0 || b <= 0 ? Math.max(a, b) : a ** (1 - share) * b ** share;
}

/** One-way analysis of variance: the PSI of a block is A + D/size, that of neighbours 2 D/size. Few blocks do not tell them apart. */
function shrink(spread: BlockSpread, rows: number): number {
  if (spread.blocks < MANY_BLOCKS) return 1;
  const mean = unbiasedMean(spread);
  const within = Math.min(mean, spread.neighbours / 2);
  return (mean - within + (within * spread.size) / rows) / mean;
}
