import { fail } from '../../base/errors/fail.ts';
import { auc } from '../../stats/auc.ts';
import { OnnxGraph } from '../onnx-export/onnx-graph.ts';
import { parityOf, type TrainedModel } from '../trained-model.ts';
import type { TrainingFrame } from '../training-frame.ts';
import { type BinnedFeature, binFeatures } from './bin-features.ts';
import { type Boosted, type BoostInput, type BoostStep, boost } from './boost.ts';
import type { BoostedOptions } from './boosted-options.ts';
import type { Tree } from './tree.ts';

const BOOSTED_INPUT = 'features';

/** The name of the output, by task. */
const boostedOutput = { binary: 'probability', regression: 'value' } as const;

/** The trees as one ONNX file: a TreeEnsembleRegressor over raw features, NaN where one is missing. */
function boostedOnnx(
  features: readonly BinnedFeature[],
  trees: readonly Tree[],
  base: number,
  task: keyof typeof boostedOutput,
): Uint8Array {
  const nodes = trees.flatMap((tree, treeId) => tree.map((node, nodeId) => ({ treeId, nodeId, node })));
  const leaves = nodes.flatMap(({ treeId, nodeId, node }) =>
    'value' in node ? [{ treeId, nodeId, value: node.value }] : [],
  );
  const split = <T>(of: (node: Exclude<Tree[number], { value: number }>, feature: BinnedFeature) => T, leaf: T) =>
    nodes.map(({ node }) => ('value' in node ? leaf : of(node, features[node.feature])));
  const graph = new OnnxGraph();
  const sum = graph.node(
    'TreeEnsembleRegressor',
    [BOOSTED_INPUT],
    {
      n_targets: 1,
      aggregate_function: 'SUM',
      post_transform: 'NONE',
      base_values: { floats: [base] },
      nodes_treeids: { integers: nodes.map(({ treeId }) => treeId) },
      nodes_nodeids: { integers: nodes.map(({ nodeId }) => nodeId) },
      nodes_featureids: { integers: split((node) => node.feature, 0) },
      nodes_modes: { texts: split((_, { category }) => (category ? 'BRANCH_EQ' : 'BRANCH_LEQ'), 'LEAF') },
      nodes_values: { floats: split(({ bin }, { values }) => Math.min(values[bin], 3.4028234663852886e38), 0) },
      nodes_truenodeids: { integers: split(({ yes }) => yes, 0) },
      nodes_falsenodeids: { integers: split(({ no }) => no, 0) },
      nodes_missing_value_tracks_true: { integers: split(({ missing }) => Number(missing), 0) },
      target_treeids: { integers: leaves.map(({ treeId }) => treeId) },
      target_nodeids: { integers: leaves.map(({ nodeId }) => nodeId) },
      target_ids: { integers: leaves.map(() => 0) },
      target_weights: { floats: leaves.map(({ value }) => value) },
    },
    { domain: 'ai.onnx.ml' },
  );
  const score = task === 'binary' ? graph.node('Sigmoid', [sum]) : sum;
  graph.node('Squeeze', [score, graph.integers([1])], {}, { output: boostedOutput[task] });
  return graph.finish(BOOSTED_INPUT, features.length, boostedOutput[task]);
}

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
