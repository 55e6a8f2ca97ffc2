import { fail } from '../../base/errors/fail.ts';
import { auc } from '../../stats/auc.ts';
import { parityOf, type TrainedModel } from '../trained-model.ts';
import type { TrainingFrame } from '../training-frame.ts';
import { binFeatures } from './bin-features.ts';
import { type Boosted, type BoostInput, type BoostStep, boost } from './boost.ts';
import { BOOSTED_INPUT, boostedOnnx, boostedOutput } from './boosted-onnx.ts';
import type { BoostedOptions } from './boosted-options.ts';

export interface TrainBoostedOptions extends Pick<BoostInput, 'resume' | 'task'> {
  readonly options: BoostedOptions;
  /** Names the set in errors. */
  readonly path: string;
}

/**
 * Trains boosted trees on a frame of numbers, whose rows are in the order of time, a tree for each step. Answer a step with true to
 * end the training there. Error: TRAINING_DATA.
 */
export function* boostedSteps(
  frame: TrainingFrame,
  { options, path, task, resume }: TrainBoostedOptions,
): Generator<BoostStep, TrainedModel, boolean> {
  const refuse = (reason: string): never => {
    throw fail('TRAINING_DATA', { path, reason });
  };
  const rows = frame.labels.length;
  if (frame.names.length === 0) refuse('it has no feature that is a number');
  const unknown = [...options.categorical, ...Object.keys(options.monotone)].find(
    (name) => !frame.names.includes(name),
  );
  if (unknown !== undefined) refuse(`it has no number feature "${unknown}"`);
  const infinite = frame.names.find((_, column) =>
    frame.columns[column].some((value) => Math.abs(value) === Number.POSITIVE_INFINITY),
  );
  if (infinite !== undefined) refuse(`its feature "${infinite}" has a number beyond float32`);
  if (!frame.labels.every(Number.isFinite)) refuse('it has labels that are no numbers');
  const trained = options.earlyStopping === null ? rows : Math.floor(rows * (1 - options.earlyStopping.share));
  if (trained < 2 * options.leafRows) refuse(`${trained} rows are too few for two leaves of ${options.leafRows}`);
  const positives = task === 'binary' ? checkBinary(frame.labels, trained, refuse) : null;
  const features = binFeatures(frame, { ...options, rows: trained });
  const boosted = yield* boost({
    features,
    labels: frame.labels,
    trained,
    task,
    options,
    ...(resume === undefined ? {} : { resume }),
  });
  const scores = task === 'binary' ? boosted.scores.map((z) => 1 / (1 + Math.exp(-z))) : boosted.scores;
  return {
    onnx: boostedOnnx(features, boosted.trees, boosted.base, task),
    input: BOOSTED_INPUT,
    output: boostedOutput[task],
    metrics: {
      rows,
      trees: boosted.trees.length,
      loss: boosted.loss,
      ...qualityOf(boosted, frame.labels, positives, trained),
    },
    parity: parityOf(frame, scores),
  };
}

function checkBinary(labels: Float64Array, trained: number, refuse: (reason: string) => never): number {
  if (!labels.every((label) => label === 0 || label === 1)) refuse('it has labels other than true and false');
  const positives = labels.subarray(0, trained).reduce((sum, label) => sum + label, 0);
  if (positives === 0 || positives === trained) refuse(`${positives} of ${trained} labels are true`);
  return positives;
}

function qualityOf(
  { scores }: Boosted,
  labels: Float64Array,
  positives: number | null,
  trained: number,
): Record<string, number> {
  if (positives === null) return {};
  const later = trained < labels.length ? auc(scores.subarray(trained), labels.subarray(trained)) : null;
  return { positives, auc: auc(scores, labels) ?? 0, ...(later === null ? {} : { laterAuc: later }) };
}
