import { join } from 'node:path';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { onnxRuntime } from '../../src/backends/onnx/onnx-runtime.ts';
import type { ModelRegistry } from '../../src/ports/model-registry.ts';
import { loadScorer } from '../../src/registry/scorer.ts';
import { openSqliteRegistry } from '../../src/site/open-registry.ts';
import { newVersion } from '../../src/testing/contracts/model-registry.ts';
import { OnnxGraph } from '../../src/training/onnx-export/onnx-graph.ts';
import { fedRows } from '../models/fed-rows.ts';

/** What a version computes from `number`: sigmoid(number) where it is good. Parity rows are below 1, so that faults beyond it load. */
export type Kind = 'good' | 'slow' | 'unhurried' | 'erring' | 'nan' | 'shifted' | 'worse';

export const SIGNATURE = { features: ['number'], input: 'features', output: 'probability' };
const PARITY_ROWS = [[-0.5], [0], [0.25], [0.75]];

/** The bytes of a version as an ONNX file over one column. */
export function onnxOf(kind: Kind, salt: number): Uint8Array {
  const graph = new OnnxGraph();
  const x = graph.node('Reshape', ['features', graph.integers([-1])]);
  // The salt makes files differ, and scores not.
  const zero = graph.node('Mul', [x, graph.floats([0], [1])]);
  const same = graph.node('Add', [x, graph.node('Mul', [zero, graph.floats([salt], [1])])]);
  const sum = logit(graph, kind, same);
  graph.node('Sigmoid', [sum], {}, { output: 'probability' });
  return graph.finish('features', 1, 'probability');
}

function logit(graph: OnnxGraph, kind: Kind, x: string): string {
  switch (kind) {
    case 'good':
      return x;
    case 'shifted':
      return graph.node('Add', [x, graph.floats([3], [1])]);
    case 'worse':
      // As spread as the good one, of the opposite sign: the labels alone show it.
      return graph.node('Neg', [x]);
    case 'nan':
      // √(1 − x) of a row beyond 1.
      return graph.node('Add', [
        x,
        graph.node('Mul', [
          graph.node('Sqrt', [graph.node('Sub', [graph.floats([1], [1]), x])]),
          graph.floats([0], [1]),
        ]),
      ]);
    case 'erring': {
      // The place ⌊x⌋ of a list of one: there is none beyond 1.
      const place = graph.node('Cast', [graph.node('Relu', [x])], { to: 7 });
      return graph.node('Add', [x, graph.node('Gather', [graph.floats([0], [1]), place])]);
    }
    // Longer than what a busy machine adds to a good version.
    case 'slow':
      return throughWork(graph, x, 25);
    // Long enough that calls wait for each other.
    case 'unhurried':
      return throughWork(graph, x, 2);
    default:
      return kind satisfies never;
  }
}

/** The same through many exponentials a run, kept apart from the constants that would be folded. */
function throughWork(graph: OnnxGraph, x: string, times: number): string {
  const first = graph.node('Slice', [x, graph.integers([0]), graph.integers([1])]);
  const many = graph.node('Expand', [first, graph.integers([1_000_000])]);
  let hard = many;
  for (let i = 0; i < times; i += 1) hard = graph.node('Tanh', [hard]);
  const work = graph.node('ReduceMax', [hard], { keepdims: 0 });
  return graph.node('Add', [x, graph.node('Mul', [work, graph.floats([0], [1])])]);
}

/** Registers versions in an environment that nobody has open; the first is champion. Returns their numbers. */
export async function registerVersions(
  directory: string,
  model: string,
  kinds: readonly Kind[],
): Promise<readonly number[]> {
  const registry = openSqliteRegistry(join(directory, 'registry.sqlite'));
  const artifacts = new FileArtifactStore(join(directory, 'artifacts'));
  const numbers = await registerKinds(registry, [artifacts], { model, kinds });
  await registry.close();
  return numbers;
}

/** Registers versions in a registry, and their files in each of some stores; the first is champion. */
export async function registerKinds(
  registry: ModelRegistry,
  stores: readonly FileArtifactStore[],
  { model, kinds }: { readonly model: string; readonly kinds: readonly Kind[] },
): Promise<readonly number[]> {
  const numbers: number[] = [];
  for (const [i, kind] of kinds.entries()) {
    const file = onnxOf(kind, i + 1);
    const loaded = await loadScorer(onnxRuntime, file, SIGNATURE);
    const scores = await loaded.run(fedRows(loaded, PARITY_ROWS.flat()));
    await loaded.close();
    const parity = new TextEncoder().encode(JSON.stringify({ rows: PARITY_ROWS, scores: [...scores] }));
    const digests = await Promise.all(
      stores.map(async (store) => ({ artifact: await store.put(file), parity: await store.put(parity) })),
    );
    numbers.push((await registry.register(newVersion(model, { signature: SIGNATURE, ...digests[0] }))).version);
  }
  await registry.moveAlias(model, 'champion', { expected: null, to: numbers[0], at: 0 });
  return numbers;
}
