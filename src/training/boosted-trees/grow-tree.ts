import type { BinnedFeature } from './bin-features.ts';
import { type FoundSplit, findSplit } from './find-split.ts';
import { type Histogram, HistogramBuilder } from './histogram.ts';
import type { Tree, TreeNode } from './tree.ts';

export interface GrowOptions {
  readonly features: readonly BinnedFeature[];
  /** Features that this tree may split by. */
  readonly used: readonly boolean[];
  /** Rows that it sees. */
  readonly rows: Int32Array;
  readonly gradients: Float64Array;
  readonly hessians: Float64Array;
  readonly leaves: number;
  readonly leafRows: number;
  readonly l2: number;
  readonly learningRate: number;
}

interface Leaf {
  /** Its place among the nodes. */
  readonly node: number;
  readonly from: number;
  readonly to: number;
  readonly histogram: Histogram;
  readonly gradient: number;
  readonly hessian: number;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly split: FoundSplit | null;
}

/** Grows a tree leaf by leaf: the one whose split lowers the loss most is split next (Shi 2007; histograms as LightGBM, Ke 2017). */
export function growTree(options: GrowOptions): Tree {
  return new Growth(options).grow();
}

class Growth {
  readonly #options: GrowOptions;
  readonly #builder: HistogramBuilder;
  /** Rows in the order of leaves. */
  readonly #list: Int32Array;
  readonly #spare: Int32Array;
  readonly #nodes: TreeNode[] = [];

  constructor(options: GrowOptions) {
    this.#options = options;
    this.#builder = new HistogramBuilder(options.features, options.used, options.rows.length);
    this.#list = options.rows.slice();
    this.#spare = new Int32Array(options.rows.length);
  }

  grow(): Tree {
    const open = [this.#root()];
    while (open.length < this.#options.leaves) {
      const best = open.reduce((a, b) => ((b.split?.gain ?? 0) > (a.split?.gain ?? 0) ? b : a));
      if (best.split === null) break;
      open.splice(open.indexOf(best), 1, ...this.#divide(best, best.split));
    }
    const { learningRate } = this.#options;
    for (const { node, value } of open) this.#nodes[node] = { value: Math.fround(value * learningRate) };
    return this.#nodes;
  }

  #root(): Leaf {
    const { gradients, hessians, rows, l2 } = this.#options;
    let [gradient, hessian] = [0, 0];
    for (const row of rows) {
      gradient += gradients[row];
      hessian += hessians[row];
    }
    const histogram = this.#builder.build(this.#list, 0, rows.length, gradients, hessians);
    const value = -gradient / (hessian + l2);
    const [low, high] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    return this.#leaf({ from: 0, to: rows.length, histogram, gradient, hessian, value, low, high });
  }

  #leaf(leaf: Omit<Leaf, 'node' | 'split'>): Leaf {
    const { features, used, leafRows, l2 } = this.#options;
    const node = this.#nodes.push({ value: 0 }) - 1;
    const { gradient, hessian, from, to, low, high, histogram } = leaf;
    const total = { gradient, hessian, rows: to - from };
    const rules = { leafRows, l2, low, high };
    const open = features.map((feature, index) => (used[index] ? feature : { ...feature, count: 0 }));
    const split = to - from < 2 * leafRows ? null : findSplit(histogram, open, this.#builder.starts, total, rules);
    return { ...leaf, node, split };
  }

  #divide(leaf: Leaf, split: FoundSplit): readonly [Leaf, Leaf] {
    const { features, gradients, hessians } = this.#options;
    const middle = this.#partition(leaf, split);
    const { from, to } = leaf;
    const yesIsSmaller = middle - from <= to - middle;
    const [smallFrom, smallTo] = yesIsSmaller ? [from, middle] : [middle, to];
    const small = this.#builder.build(this.#list, smallFrom, smallTo, gradients, hessians);
    const { gradient, hessian } = this.#sums(from, middle);
    const large = this.#builder.subtract(leaf.histogram, small);
    const { yesValue, noValue } = split;
    const monotone = features[split.feature].monotone;
    const between = (yesValue + noValue) / 2;
    const bounds = (side: 'yes' | 'no') => {
      const above = monotone !== 0 && monotone > 0 === (side === 'no');
      const below = monotone !== 0 && !above;
      return {
        low: above ? Math.max(leaf.low, between) : leaf.low,
        high: below ? Math.min(leaf.high, between) : leaf.high,
      };
    };
    const yes = this.#leaf({
      from,
      to: middle,
      histogram: yesIsSmaller ? small : large,
      gradient,
      hessian,
      value: yesValue,
      ...bounds('yes'),
    });
    const no = this.#leaf({
      from: middle,
      to,
      histogram: yesIsSmaller ? large : small,
      gradient: leaf.gradient - gradient,
      hessian: leaf.hessian - hessian,
      value: noValue,
      ...bounds('no'),
    });
    this.#nodes[leaf.node] = {
      feature: split.feature,
      bin: split.bin,
      missing: split.missing,
      yes: yes.node,
      no: no.node,
    };
    return [yes, no];
  }

  #sums(from: number, to: number) {
    const { gradients, hessians } = this.#options;
    let [gradient, hessian] = [0, 0];
    for (let i = from; i < to; i += 1) {
      gradient += gradients[this.#list[i]];
      hessian += hessians[this.#list[i]];
    }
    return { gradient, hessian };
  }

  /** Puts the rows that go to `yes` first, both sides in their order; gives the place of the first other row. */
  #partition({ from, to }: Leaf, { feature, bin, missing }: FoundSplit): number {
    const { bins, category } = this.#options.features[feature];
    let yes = from;
    let no = 0;
    for (let i = from; i < to; i += 1) {
      const row = this.#list[i];
      const own = bins[row];
      if (own === 0 ? missing : category ? own === bin : own <= bin) this.#list[yes++] = row;
      else this.#spare[no++] = row;
    }
    this.#list.set(this.#spare.subarray(0, no), yes);
    return yes;
  }
}
