/** Values one after another, as their number and their sum. */
export interface SummedValues {
  readonly n: number;
  readonly sum: number;
}

/**
 * Where the mean of a series changed: the index of the first block after the change, by least squares for one change (Hinkley
 * 1970): the cut with the largest n₁·n₂/n·(mean₁ − mean₂)². Cuts are between blocks, and at least `least` values are on each
 * side; null: there are too few.
 */
export function changePoint(blocks: readonly SummedValues[], least = 5): number | null {
  const n = blocks.reduce((count, block) => count + block.n, 0);
  const total = blocks.reduce((sum, block) => sum + block.sum, 0);
  let best: number | null = null;
  let most = Number.NEGATIVE_INFINITY;
  let [before, sum] = [0, 0];
  for (let cut = 1; cut < blocks.length; cut += 1) {
    before += blocks[cut - 1].n;
    sum += blocks[cut - 1].sum;
    if (before < least || n - before < least) continue;
    const gap = sum / before - (total - sum) / (n - before);
    const gain = ((before * (n - before)) / n) * gap * gap;
    if (gain <= most) continue;
    most = gain;
    best = cut;
  }
  return best;
}
