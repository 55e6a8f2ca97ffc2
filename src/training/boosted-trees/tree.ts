import type { BinnedFeature } from './bin-features.ts';

/** A decision of a tree. A row goes to `yes` if its bin is at most (category: equal to) `bin`; a missing value goes as `missing` says. */
export interface TreeSplit {
  readonly feature: number;
  readonly bin: number;
  /** Whether missing values go to `yes`. */
  readonly missing: boolean;
  readonly yes: number;
  readonly no: number;
}

/** Nodes in an array, the root first. A leaf has a float32 value. */
export type TreeNode = TreeSplit | { readonly value: number };
export type Tree = readonly TreeNode[];

/** The value of a tree for a row in bins. */
export function treeValue(tree: Tree, features: readonly BinnedFeature[], row: number): number {
  let node = tree[0];
  while (node !== undefined && !('value' in node)) {
    const feature = features[node.feature];
    const bin = feature?.bins[row] ?? 0;
    const yes = bin === 0 ? node.missing : feature?.category === true ? bin === node.bin : bin <= node.bin;
    node = tree[yes ? node.yes : node.no];
  }
  return node?.value ?? 0;
}
