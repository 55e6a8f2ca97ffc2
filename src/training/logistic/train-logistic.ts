import { fail } from '../../base/errors/fail.ts';
import { auc } from '../../stats/auc.ts';
import { parityOf, type TrainedModel } from '../trained-model.ts';
import type { TrainingFrame } from '../training-frame.ts';
import { buildDesign, type Design } from './design.ts';
import { eachLinear, type Fit, type FitState, fitSteps } from './fit.ts';
import { logisticOnnx, ONNX_INPUT, ONNX_OUTPUT } from './logistic-onnx.ts';
import type { ResolvedLogisticOptions } from './logistic-options.ts';

export interface TrainLogisticOptions {
  readonly options: ResolvedLogisticOptions;
  /** Names the set in errors. */
  readonly path: string;
  /** State of an earlier run over the same set with the same options. */
  readonly resume?: FitState | null;
}

/** Trains a logistic regression on a frame of numbers, an iteration for each step. Error: TRAINING_DATA. */
export function* logisticSteps(
  frame: TrainingFrame,
  { options: { categorical, c, maxIterations }, path, resume = null }: TrainLogisticOptions,
): Generator<FitState, TrainedModel, unknown> {
  const refuse = (reason: string): never => {
    throw fail('TRAINING_DATA', { path, reason });
  };
  const positives = frame.labels.reduce((sum, label) => sum + label, 0);
  if (frame.names.length === 0) refuse('it has no feature that is a number');
  if (!frame.labels.every((label) => label === 0 || label === 1)) refuse('it has labels other than true and false');
  if (positives === 0 || positives === frame.labels.length) {
    refuse(`${positives} of ${frame.labels.length} labels are true`);
  }
  const unknown = categorical.find((name) => !frame.names.includes(name));
  if (unknown !== undefined) refuse(`it has no number feature "${unknown}"`);
  const design = buildDesign(frame, categorical, refuse);
  const fit = yield* fitSteps(design, frame.labels, { c, maxIterations, tolerance: 1e-10 }, resume);
  const scores = scoreRows(design, fit);
  return {
    onnx: logisticOnnx(design, fit.weights),
    input: ONNX_INPUT,
    output: ONNX_OUTPUT,
    metrics: {
      rows: design.rows,
      positives,
      loss: fit.loss,
      auc: auc(scores, frame.labels) ?? 0,
      iterations: fit.iterations,
      converged: Number(fit.converged),
    },
    parity: parityOf(frame, scores),
  };
}

function scoreRows(design: Design, { weights }: Fit): Float64Array {
  const scores = new Float64Array(design.rows);
  eachLinear(design, weights, (z, row) => {
    scores[row] = 1 / (1 + Math.exp(-z));
  });
  return scores;
}
