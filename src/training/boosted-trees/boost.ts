import { type Random, seededRandom } from '../../base/rng.ts';
import type { BinnedFeature } from './bin-features.ts';
import type { BoostedOptions } from './boosted-options.ts';
import { growTree } from './grow-tree.ts';
import { type Tree, treeValue } from './tree.ts';

export interface BoostInput {
  readonly features: readonly BinnedFeature[];
  readonly labels: Float64Array;
  /** Rows that trees learn from; the others are for early stopping. */
  readonly trained: number;
  readonly task: 'binary' | 'regression';
  readonly options: BoostedOptions;
  /** Trees of an earlier run over the same input, to resume from. */
  readonly resume?: readonly Tree[];
}

/** A new tree is there. */
export interface BoostStep {
  /** All trees until now. */
  readonly trees: readonly Tree[];
  /** Loss of the rows that judge. */
  readonly loss: number;
}

export interface Boosted {
  /** The score of a row before any tree. */
  readonly base: number;
  readonly trees: readonly Tree[];
  /** Raw scores of all rows: log odds, or the value. */
  readonly scores: Float64Array;
  /** Mean loss of the rows for early stopping, of all rows without: log loss or squared error. */
  readonly loss: number;
}

/**
 * Gradient boosting of trees (Friedman 2001) with Newton steps, a tree for each step. The same input gives the same trees, also
 * from a resume. Answer a step with true to end the training there.
 */
export function* boost({
  features,
  labels,
  trained,
  task,
  options,
  resume = [],
}: BoostInput): Generator<BoostStep, Boosted, boolean> {
  const rows = labels.length;
  const base = baseScore(labels.subarray(0, trained), task);
  const scores = new Float64Array(rows).fill(base);
  const [gradients, hessians] = [new Float64Array(rows), new Float64Array(rows)];
  const judged = trained === rows ? 0 : trained;
  const trees: Tree[] = [];
  const losses: number[] = [];
  const take = (tree: Tree) => {
    trees.push(tree);
    for (let row = 0; row < rows; row += 1) scores[row] += treeValue(tree, features, row);
    losses.push(meanLoss(scores, labels, judged, task));
  };
  for (const tree of resume) take(tree);
  while (trees.length < options.trees && !isPast(losses, options.earlyStopping?.rounds)) {
    derive(scores, labels, task, gradients, hessians);
    const chance = seededRandom(options.seed * 1_000_003 + trees.length);
    take(
      growTree({
        features,
        used: draw(features.length, options.featureShare, chance),
        rows: drawRows(trained, options.rowShare, chance),
        gradients,
        hessians,
        leaves: options.leaves,
        leafRows: options.leafRows,
        l2: options.l2,
        learningRate: options.learningRate,
      }),
    );
    if (yield { trees, loss: losses.at(-1) ?? 0 }) break;
  }
  const best = options.earlyStopping === null ? trees.length : losses.indexOf(Math.min(...losses)) + 1;
  for (const tree of trees.slice(best))
    for (let row = 0; row < rows; row += 1) scores[row] -= treeValue(tree, features, row);
  return {
    base,
    trees: trees.slice(0, best),
    scores,
    loss: losses[best - 1] ?? meanLoss(scores, labels, judged, task),
  };
}

/** Whether the best loss is `rounds` trees old. */
function isPast(losses: readonly number[], rounds: number | undefined): boolean {
  return rounds !== undefined && losses.length - 1 - losses.indexOf(Math.min(...losses)) >= rounds;
}

function baseScore(labels: Float64Array, task: BoostInput['task']): number {
  const mean = labels.reduce((sum, label) => sum + label, 0) / labels.length;
  return Math.fround(task === 'binary' ? Math.log(mean / (1 - mean)) : mean);
}

function derive(
  scores: Float64Array,
  labels: Float64Array,
  task: BoostInput['task'],
  gradients: Float64Array,
  hessians: Float64Array,
): void {
  for (let row = 0; row < labels.length; row += 1) {
    if (task === 'regression') {
      gradients[row] = scores[row] - labels[row];
      hessians[row] = 1;
      continue;
    }
    const p = 1 / (1 + Math.exp(-scores[row]));
    gradients[row] = p - labels[row];
    hessians[row] = p * (1 - p);
  }
}

function meanLoss(scores: Float64Array, labels: Float64Array, from: number, task: BoostInput['task']): number {
  let sum = 0;
  for (let row = from; row < labels.length; row += 1) {
    if (task === 'regression') sum += (scores[row] - labels[row]) ** 2;
    else {
      const z = labels[row] === 1 ? -scores[row] : scores[row];
      sum += z > 0 ? z + Math.log1p(Math.exp(-z)) : Math.log1p(Math.exp(z));
    }
  }
  return sum / (labels.length - from);
}

function draw(count: number, share: number, chance: Random): readonly boolean[] {
  if (share === 1) return new Array<boolean>(count).fill(true);
  const kept = Math.max(1, Math.round(count * share));
  const order = Array.from({ length: count }, (_, index) => [chance(), index] as const).sort(([a], [b]) => a - b);
  const used = new Set(order.slice(0, kept).map(([, index]) => index));
  return Array.from({ length: count }, (_, index) => used.has(index));
}

function drawRows(count: number, share: number, chance: Random): Int32Array {
  const all = Int32Array.from({ length: count }, (_, row) => row);
  return share === 1 ? all : all.filter(() => chance() < share);
}
