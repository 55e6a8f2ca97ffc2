import type { BinnedFeature } from './bin-features.ts';

/** Sums by bin of every feature: gradient and hessian in turn, and rows. */
export interface Histogram {
  readonly sums: Float64Array;
  readonly rows: Int32Array;
}

/** Builds histograms of the rows of leaves. Hot path: one pass over the rows for each feature, no allocation but the result. */
export class HistogramBuilder {
  readonly #features: readonly BinnedFeature[];
  readonly #used: readonly boolean[];
  /** Place of the first bin of each feature. */
  readonly starts: readonly number[];
  readonly #bins: number;
  readonly #gradients: Float64Array;
  readonly #hessians: Float64Array;

  constructor(features: readonly BinnedFeature[], used: readonly boolean[], rows: number) {
    this.#features = features;
    this.#used = used;
    let bins = 0;
    this.starts = features.map(({ count }) => {
      const start = bins;
      bins += count;
      return start;
    });
    this.#bins = bins;
    this.#gradients = new Float64Array(rows);
    this.#hessians = new Float64Array(rows);
  }

  /** The histogram of the rows from `from` to `to` of a list. */
  build(list: Int32Array, from: number, to: number, gradients: Float64Array, hessians: Float64Array): Histogram {
    const sums = new Float64Array(this.#bins * 2);
    const rows = new Int32Array(this.#bins);
    const [g, h] = [this.#gradients, this.#hessians];
    for (let i = from; i < to; i += 1) {
      g[i - from] = gradients[list[i]];
      h[i - from] = hessians[list[i]];
    }
    this.#features.forEach(({ bins }, feature) => {
      if (!this.#used[feature]) return;
      const start = this.starts[feature];
      for (let i = from; i < to; i += 1) {
        const bin = start + bins[list[i]];
        sums[2 * bin] += g[i - from];
        sums[2 * bin + 1] += h[i - from];
        rows[bin] += 1;
      }
    });
    return { sums, rows };
  }

  /** The histogram of a leaf's other child: the parent's minus that of one child. Takes the parent's arrays. */
  subtract(parent: Histogram, child: Histogram): Histogram {
    for (let i = 0; i < parent.sums.length; i += 1) parent.sums[i] -= child.sums[i];
    for (let i = 0; i < parent.rows.length; i += 1) parent.rows[i] -= child.rows[i];
    return parent;
  }
}
