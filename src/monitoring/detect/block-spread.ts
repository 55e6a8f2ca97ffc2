import { populationStabilityIndex } from '../../stats/population-stability-index.ts';

/**
 * How far blocks of consecutive rows lie from the whole of them, by PSI over frozen bins. Rows that depend on each other, sessions and
 * seasons make blocks lie farther apart than independent rows would.
 */
export interface BlockSpread {
  /** Rows of a block. */
  readonly size: number;
  readonly blocks: number;
  /** Of the blocks' PSI. */
  readonly mean: number;
  readonly variance: number;
  /** Mean PSI between a block and its neighbour: twice what rows of a block cause, without levels that change slowly. */
  readonly neighbours: number;
  /** The largest ones, descending: an eighth of the blocks, at most 32. */
  readonly top: readonly number[];
}

/** Rows of the smallest block: a verdict needs more. */
const LEAST_SIZE = 32;
const MOST_TOP = 32;

interface Level {
  readonly size: number;
  blocks: number;
  mean: number;
  /** Σ (PSI − mean)² (Welford 1962). */
  squares: number;
  /** Ascending. */
  readonly top: number[];
  pairs: number;
  neighbours: number;
  /** A block that waits for its neighbour. */
  readonly waiting: Float64Array;
  isWaiting: boolean;
}

/** Blocks of one column: pairs of blocks are blocks of the next level, twice as large. */
export interface BlockCounter {
  /** Counts of all rows, or of about as many: only their shares matter. */
  readonly whole: ArrayLike<number>;
  readonly levels: Level[];
}

export function createBlockCounter(whole: ArrayLike<number>, size: number): BlockCounter {
  return { whole, levels: [createLevel(whole.length, size)] };
}

function createLevel(bins: number, size: number): Level {
  const waiting = new Float64Array(bins);
  return { size, blocks: 0, mean: 0, squares: 0, top: [], pairs: 0, neighbours: 0, waiting, isWaiting: false };
}

/** The size of the smallest block, so that doubling it ends at a span of `rows`: from 32 rows, or the span itself. */
export function leastBlock(rows: number): number {
  return Math.max(1, Math.floor(rows / 2 ** Math.max(0, Math.floor(Math.log2(rows / LEAST_SIZE)))));
}

/** Adds the counts of the next smallest block. `levels` limits how often blocks are paired. */
export function addBlock(counter: BlockCounter, counts: Float64Array, levels = Number.POSITIVE_INFINITY): void {
  let block = counts;
  for (let at = 0; at < levels; at += 1) {
    if (at === counter.levels.length)
      counter.levels.push(createLevel(counter.whole.length, counter.levels[0].size * 2 ** at));
    const level = counter.levels[at];
    addPsi(level, populationStabilityIndex(counter.whole, block)?.psi ?? 0);
    if (!level.isWaiting) {
      level.waiting.set(block);
      level.isWaiting = true;
      return;
    }
    level.pairs += 1;
    level.neighbours += ((populationStabilityIndex(level.waiting, block)?.psi ?? 0) - level.neighbours) / level.pairs;
    for (let i = 0; i < block.length; i += 1) level.waiting[i] += block[i];
    level.isWaiting = false;
    block = level.waiting;
  }
}

/** Forgets blocks that wait: what follows is no neighbour of theirs. */
export function breakBlocks(counter: BlockCounter): void {
  for (const level of counter.levels) level.isWaiting = false;
}

function addPsi(level: Level, psi: number): void {
  level.blocks += 1;
  const gap = psi - level.mean;
  level.mean += gap / level.blocks;
  level.squares += gap * (psi - level.mean);
  const { top } = level;
  if (top.length === MOST_TOP && psi <= top[0]) return;
  const after = top.findIndex((one) => one > psi);
  top.splice(after === -1 ? top.length : after, 0, psi);
  if (top.length > MOST_TOP) top.shift();
}

/** Blocks that show their tail; of fewer only mean and variance are known. */
export const MANY_BLOCKS = 64;

/** The spreads by size, smallest first: sizes with many blocks, or else the smallest size, if it has `least`. */
export function spreadsOf({ levels }: BlockCounter, least: number): readonly BlockSpread[] {
  const many = levels.filter(({ blocks }) => blocks >= MANY_BLOCKS);
  return (many.length > 0 ? many : levels.slice(0, 1))
    .filter(({ blocks }) => blocks >= Math.max(3, least))
    .map(({ size, blocks, mean, squares, neighbours, top }) => ({
      size,
      blocks,
      mean,
      variance: squares / (blocks - 1),
      neighbours,
      top: top.slice(-Math.min(MOST_TOP, Math.floor(blocks / 8))).reverse(),
    }));
}
