import { MODEL_ENCODING } from '../../model/model-value.ts';
import { buildReference, encodeReference } from '../../monitoring/monitor/reference.ts';
import type { ModelVersion } from '../../ports/model-registry.ts';
import type { ColumnValues, TableFile } from '../../ports/table-file.ts';
import { oneChunk, storeContent } from '../../registry/store-content.ts';
import { OnnxGraph } from '../../training/onnx-export/onnx-graph.ts';
import type { ReplayDeclaration } from './replay-declaration.ts';
import type { ReplayRows } from './replay-rows.ts';
import type { ReplayedProject } from './replayed-project.ts';

const INPUT = 'features';
const OUTPUT = 'score';

/** The feature that holds the score of the file. */
const GIVEN_SCORE = 'given_score';

/** Registers the file's own scores as version 1: a model that answers its one input. Its reference is the first rows. */
export async function registerGivenScores(
  { stores }: ReplayedProject,
  { model }: ReplayDeclaration,
  rows: ReplayRows,
  { count, from, to, at }: { readonly count: number; readonly from: number; readonly to: number; readonly at: number },
): Promise<ModelVersion> {
  const reference = await buildReference(
    firstRows(rows, count),
    rows.features.map(({ name }) => name),
    { time: TIME, createdAt: at },
  );
  const stored = async (bytes: Uint8Array) => (await storeContent(stores, oneChunk(bytes), at)).digest;
  return stores.registry.register({
    model: model.name,
    signature: { features: [GIVEN_SCORE], input: INPUT, output: OUTPUT, encoding: MODEL_ENCODING },
    lineage: {
      declaration: 'replay',
      service: `${model.service.name}@${model.service.version}`,
      trainingSet: { digest: '', rows: count, unlabelled: 0, from, to, mode: 'given' },
      trainer: { kind: 'given' },
      reference: await stored(encodeReference(reference)),
    },
    metrics: {},
    artifact: await stored(identity()),
    parity: await stored(new TextEncoder().encode(JSON.stringify({ rows: [[0.25]], scores: [0.25] }))),
    createdAt: at,
  });
}

/** A model whose answer is its input. */
function identity(): Uint8Array {
  const graph = new OnnxGraph();
  graph.node('Squeeze', [INPUT, graph.integers([1])], {}, { output: OUTPUT });
  return graph.finish(INPUT, 1, OUTPUT);
}

/** The column of instants: no feature has its name. */
const TIME = ' at';

/** The first rows of a replay as a table. */
function firstRows({ features, at }: ReplayRows, count: number): TableFile {
  const valuesOf = (name: string): ColumnValues => {
    if (name === TIME) return at.slice(0, count);
    const values = features.find((one) => one.name === name)?.values ?? [];
    return values.slice(0, count);
  };
  return {
    path: 'first rows',
    rows: count,
    columns: features.map(({ name, codes }) => ({ name, type: codes === null ? 'number' : 'text', declared: '' })),
    column: async (name) => valuesOf(name),
    async *batches(names) {
      yield names.map(valuesOf);
    },
    vectors: async () => ({ missing: 0, sample: [] }),
    missingTogether: async () => 0,
    close: async () => undefined,
  };
}
