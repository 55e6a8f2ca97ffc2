import { boostTrees, type CodedRows, scoreOf } from '../../stats/boosted-trees.ts';

/** Losses of a regression, of one row. */
export const LOSSES = ['absolute', 'squared'] as const;
export type Loss = (typeof LOSSES)[number];

export function lossOf(loss: Loss, prediction: number, label: number): number {
  const gap = prediction - label;
  return loss === 'absolute' ? Math.abs(gap) : gap * gap;
}

const ROUNDS = 60;
const DEPTH = 4;

/**
 * Direct loss estimation for a regression (NannyML's DLE): trees learn each row's loss from its features and prediction on
 * the reference; a window's loss is the mean of their predictions. Estimates MAE for `absolute`, RMSE for `squared`.
 */
export function fitDirectLoss(
  reference: CodedRows,
  losses: Float64Array,
  loss: Loss,
): (window: CodedRows, rows: number) => number | null {
  const n = losses.length;
  const base = losses.reduce((sum, one) => sum + one, 0) / Math.max(1, n);
  const scale = Math.sqrt(losses.reduce((sum, one) => sum + (one - base) ** 2, 0) / Math.max(1, n)) || 1;
  const trees = boostTrees(
    reference,
    Uint32Array.from({ length: n }, (_, i) => i),
    {
      rounds: ROUNDS,
      depth: DEPTH,
      gains: new Float64Array(reference.columns.length),
      slopes: (scores, { gradient, curvature }) => {
        for (let r = 0; r < n; r += 1) {
          gradient[r] = (losses[r] - base) / scale - scores[r];
          curvature[r] = 1;
        }
      },
    },
  );
  return (window, rows) => {
    if (rows === 0 || n === 0) return null;
    let sum = 0;
    // A row below 0 balances others: cut off alone, it would raise the mean.
    for (let r = 0; r < rows; r += 1) sum += base + scale * scoreOf(trees, window, r);
    const mean = Math.max(0, sum / rows);
    return loss === 'squared' ? Math.sqrt(mean) : mean;
  };
}
