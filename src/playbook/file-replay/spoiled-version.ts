import { CHAMPION } from '../../registry/champion.ts';
import { oneChunk, storeContent } from '../../registry/store-content.ts';
import { OnnxGraph } from '../../training/onnx-export/onnx-graph.ts';
import type { ReplayDeclaration } from './replay-declaration.ts';
import type { ReplayedProject } from './replayed-project.ts';

/** Registers a spoiled copy of the champion: one score for every request. Returns its number. */
export async function registerSpoiled(
  { stores }: ReplayedProject,
  { model }: ReplayDeclaration,
  at: number,
): Promise<number> {
  const champion = (await stores.registry.alias(model.name, CHAMPION)) ?? 1;
  const { version: _, ...copied } = await stores.registry.version(model.name, champion);
  const { signature } = copied;
  const graph = new OnnxGraph();
  const columns = signature.features.length;
  // x · 0 + ½: a missing number stays missing without the replacement.
  const first = graph.node('Gather', [signature.input, graph.integers([0])], { axis: 1 });
  const zero = graph.node('Mul', [
    graph.node('Where', [graph.node('IsNaN', [first]), graph.floats([0], [1, 1]), first]),
    graph.floats([0], [1, 1]),
  ]);
  graph.node(
    'Squeeze',
    [graph.node('Add', [zero, graph.floats([SPOILED], [1, 1])]), graph.integers([1])],
    {},
    { output: signature.output },
  );
  const { digest } = await storeContent(stores, oneChunk(graph.finish(signature.input, columns, signature.output)), at);
  const { rows } = JSON.parse(new TextDecoder().decode(await stores.artifacts.get(copied.parity))) as {
    rows: unknown[];
  };
  const parity = new TextEncoder().encode(JSON.stringify({ rows, scores: rows.map(() => SPOILED) }));
  const vectors = await storeContent(stores, oneChunk(parity), at);
  const spoiled = { ...copied, artifact: digest, parity: vectors.digest, createdAt: at };
  const { version } = await stores.registry.register(spoiled);
  return version;
}

/** The score that it gives. */
const SPOILED = 0.9;
