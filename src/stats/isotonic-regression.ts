/** A rising step function with linear pieces: `x` ascending, `y` not falling. */
export interface Isotonic {
  readonly x: Float64Array;
  readonly y: Float64Array;
}

/**
 * The rising function nearest to the points in squares, by pooling adjacent violators (Ayer et al. 1955), as
 * scikit-learn fits it: equal x are pooled first, and only the ends of each flat block stay as knots. Null without
 * points, or with one that is not finite.
 */
export function fitIsotonic(x: ArrayLike<number>, y: ArrayLike<number>): Isotonic | null {
  const order = Uint32Array.from({ length: x.length }, (_, i) => i).sort((a, b) => x[a] - x[b]);
  const at: number[] = [];
  const mean: number[] = [];
  const weight: number[] = [];
  for (const i of order) {
    if (!Number.isFinite(x[i]) || !Number.isFinite(y[i])) return null;
    const last = at.length - 1;
    if (last >= 0 && at[last] === x[i]) {
      weight[last] += 1;
      mean[last] += (y[i] - mean[last]) / weight[last];
    } else {
      at.push(x[i]);
      mean.push(y[i]);
      weight.push(1);
    }
  }
  return at.length === 0 ? null : knotsOf(at, pooledBlocks(mean, weight));
}

interface Block {
  sum: number;
  weight: number;
  /** Index of the last point. */
  to: number;
}

function pooledBlocks(mean: readonly number[], weight: readonly number[]): readonly Block[] {
  const blocks: Block[] = [];
  for (let i = 0; i < mean.length; i += 1) {
    let block: Block = { sum: mean[i] * weight[i], weight: weight[i], to: i };
    for (;;) {
      const before = blocks.at(-1);
      if (before === undefined || before.sum * block.weight < block.sum * before.weight) break;
      blocks.pop();
      block = { sum: before.sum + block.sum, weight: before.weight + block.weight, to: i };
    }
    blocks.push(block);
  }
  return blocks;
}

function knotsOf(at: readonly number[], blocks: readonly Block[]): Isotonic {
  const x: number[] = [];
  const y: number[] = [];
  let from = 0;
  for (const { sum, weight, to } of blocks) {
    x.push(at[from]);
    y.push(sum / weight);
    if (to > from) {
      x.push(at[to]);
      y.push(sum / weight);
    }
    from = to + 1;
  }
  return { x: Float64Array.from(x), y: Float64Array.from(y) };
}

/** The function's value: linear between knots, the end values outside. */
export function isotonicAt({ x, y }: Isotonic, value: number): number {
  const last = x.length - 1;
  if (!(value > x[0])) return y[0];
  if (value >= x[last]) return y[last];
  let low = 0;
  let high = last;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (x[middle] <= value) low = middle;
    else high = middle;
  }
  return y[low] + ((y[high] - y[low]) * (value - x[low])) / (x[high] - x[low]);
}
