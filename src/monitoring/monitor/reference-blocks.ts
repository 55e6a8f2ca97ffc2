import { addBlock, type BlockCounter, breakBlocks, createBlockCounter } from '../detect/block-spread.ts';
import type { ColumnSketch } from '../profile/column-sketch.ts';

/** Fewest blocks whose spread is kept: those of a tenth of the rows. */
export const LEAST_BLOCKS = 8;

/** Blocks of a column in the making: counts of its chunk when the block began. */
export interface Blocks {
  readonly counter: BlockCounter;
  readonly size: number;
  readonly before: Float64Array;
  readonly own: Float64Array;
}

export function createBlocks(whole: Float64Array, size: number): Blocks {
  const [before, own] = [new Float64Array(whole.length), new Float64Array(whole.length)];
  return { counter: createBlockCounter(whole, size), size, before, own };
}

/** Counts the block that ends after `row` rows of the chunk, 0 after all of them; the rest of a chunk is in none. */
export function endBlock({ counter, size, before, own }: Blocks, { counts }: ColumnSketch, row: number): void {
  if (counts === null) return;
  const isLast = row === 0;
  if (!isLast && row % size !== 0) return;
  let rows = 0;
  for (let i = 0; i < counts.length; i += 1) {
    own[i] = counts[i] - before[i];
    rows += own[i];
  }
  if (rows === size) addBlock(counter, own);
  if (isLast) {
    breakBlocks(counter);
    before.fill(0);
  } else before.set(counts);
}
