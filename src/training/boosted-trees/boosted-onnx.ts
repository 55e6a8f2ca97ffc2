import { OnnxGraph } from '../onnx-export/onnx-graph.ts';
import type { BinnedFeature } from './bin-features.ts';
import type { Tree } from './tree.ts';

export const BOOSTED_INPUT = 'features';

/** The name of the output, by task. */
export const boostedOutput = { binary: 'probability', regression: 'value' } as const;

/** The trees as one ONNX file: a TreeEnsembleRegressor over raw features, NaN where one is missing. */
export function boostedOnnx(
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
