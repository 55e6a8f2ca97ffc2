import { fail } from '../../base/errors/fail.ts';
import type { ModelVersion, VersionRecord } from '../../ports/model-registry.ts';
import type { LoadedModel, ModelRuntime } from '../../ports/model-runtime.ts';
import { lineageOf } from '../../registry/lineage.ts';
import { signatureColumns } from '../../registry/mlmodel.ts';
import { MODEL_ENCODING } from '../../registry/model-value.ts';
import type { Scorer } from '../../registry/scorer.ts';
import { type Tensor, type TensorSpec, tensorArrays } from '../../schema/tensor.ts';
import type { ForeignScorer } from '../online/model-server.ts';
import { type ForeignTools, openForeign } from './open-foreign.ts';

/** Tags of a version that say what its file does not. */
const FEATURES = 'headrace.features';
const OUTPUT = 'headrace.output';

/**
 * Loads a version that another program logged as a scorer of features. Its inputs are the columns of its signature, or those
 * that the tag `headrace.features` names; a score is the one number that it gives for a row, or the second of two (the
 * probability of the positive class). Errors: PYTHON_*, MODEL_FILE, ARTIFACT_*.
 */
export async function loadForeignScorer(
  record: VersionRecord,
  tools: ForeignTools & { readonly runtime: ModelRuntime },
): Promise<ForeignScorer> {
  const opened = await openForeign(record, tools);
  const loaded = opened.kind === 'onnx' ? await tools.runtime.load(opened.file) : await ownModel(opened);
  try {
    const features = await featuresOf(record, tools, loaded);
    const output = outputOf(record, loaded);
    const input = loaded.signature.inputs[0].name;
    const version = versionOf(record, { features, input, output: output.name, encoding: MODEL_ENCODING });
    return { version, scorer: scorerOf(loaded, { record, features, output }) };
  } catch (error) {
    await loaded.close();
    throw error;
  }
}

async function ownModel(opened: Exclude<Awaited<ReturnType<typeof openForeign>>, { readonly kind: 'onnx' }>) {
  if (opened.kind === 'process') return opened.loaded;
  throw fail('MODEL_FILE', { reason: `a version of the registry is no ${opened.platform}` });
}

function refuse({ model, version }: VersionRecord, reason: string) {
  return fail('PYTHON_FLAVOR', { model, version, reason });
}

/** Names of the features that it reads, in the order of its input. */
async function featuresOf(
  record: VersionRecord,
  { artifacts }: ForeignTools,
  { signature: { inputs } }: LoadedModel,
): Promise<readonly string[]> {
  const tag = record.tags.find(({ key }) => key === FEATURES)?.value;
  const columns =
    tag === undefined ? await signatureColumns(record.files, artifacts) : tag.split(',').map((name) => name.trim());
  const isMatrix = inputs.length === 1 && inputs[0].shape.length === 2 && inputs[0].shape[1] !== 1;
  const names = columns ?? (isMatrix || inputs.length === 0 ? null : inputs.map(({ name }) => name));
  if (names === null)
    throw refuse(
      record,
      `its inputs have no names; log it with a data frame as input example, or set the tag ${FEATURES}`,
    );
  const isColumns = inputs.length === names.length && names.every((name) => inputs.some((one) => one.name === name));
  const width = inputs[0]?.shape[1] ?? -1;
  if (!isColumns && !(isMatrix && (width === -1 || width === names.length)))
    throw refuse(record, `its ${inputs.length} inputs are not the columns ${names.join(', ')}`);
  const text = inputs.find(({ type }) => type === 'BYTES' || type === 'FP16' || type === 'BF16');
  if (text !== undefined) throw refuse(record, `its input '${text.name}' is ${text.type}, and features are numbers`);
  return names;
}

function outputOf(record: VersionRecord, { signature: { outputs } }: LoadedModel): TensorSpec {
  const tag = record.tags.find(({ key }) => key === OUTPUT)?.value;
  const found =
    tag === undefined ? (outputs.length === 1 ? outputs[0] : undefined) : outputs.find(({ name }) => name === tag);
  const names = outputs.map(({ name }) => name).join(', ');
  if (found === undefined) throw refuse(record, `it has the outputs ${names}; name its score by the tag ${OUTPUT}`);
  const width = found.shape[1] ?? 1;
  if (found.shape.length > 2 || !(width === 1 || width === 2) || found.type === 'BYTES')
    throw refuse(
      record,
      `its output '${found.name}' is ${found.type} [${found.shape.join(',')}], not one number a row`,
    );
  return found;
}

function versionOf(record: VersionRecord, signature: ModelVersion['signature']): ModelVersion {
  const { model, version, createdAt, digest } = record;
  const { declaration, service, trainingSet } = lineageOf(record);
  return {
    model,
    version,
    signature,
    lineage: {
      declaration: declaration ?? '',
      service: service ?? '',
      trainingSet: { digest: trainingSet ?? '', rows: 0, unlabelled: 0, from: null, to: null, mode: '' },
      trainer: {},
    },
    metrics: {},
    artifact: digest ?? '',
    parity: '',
    createdAt,
  };
}

interface ScorerFacts {
  readonly record: VersionRecord;
  readonly features: readonly string[];
  readonly output: TensorSpec;
}

function scorerOf(loaded: LoadedModel, { record, features, output }: ScorerFacts): Scorer {
  const { inputs } = loaded.signature;
  const isMatrix = inputs.length === 1 && features.length > 1;
  const places = inputs.map(({ name }) => features.indexOf(name));
  return {
    run: async (rows, count) => {
      const tensors = isMatrix
        ? [matrixOf(inputs[0], rows, features.length)]
        : inputs.map((spec, i) => columnOf(spec, rows, places[i], features.length));
      const [{ data }] = await loaded.run(tensors, [output.name]);
      return scoresOf(record, data, count);
    },
    close: () => loaded.close(),
  };
}

function matrixOf({ name, type }: TensorSpec, rows: Float32Array<ArrayBuffer>, width: number): Tensor {
  const shape = [rows.length / width, width];
  if (type === 'FP32') return { name, type, shape, data: rows };
  return { name, type, shape, data: numbersOf(name, type, rows) } as Tensor;
}

function columnOf({ name, type }: TensorSpec, rows: Float32Array, place: number, width: number): Tensor {
  const values = new Float32Array(rows.length / width);
  for (let row = 0; row < values.length; row += 1) values[row] = rows[row * width + place];
  return { name, type, shape: [values.length, 1], data: numbersOf(name, type, values) } as Tensor;
}

/** Values as the type of an input. A missing one is NaN, which a whole number cannot be. Error: MODEL_TENSOR. */
function numbersOf(name: string, type: TensorSpec['type'], values: Float32Array) {
  if (type === 'BYTES') throw fail('MODEL_TENSOR', { reason: `input '${name}' is no number` });
  if (type !== 'FP32' && type !== 'FP64' && values.some((value) => !Number.isInteger(value)))
    throw fail('MODEL_TENSOR', {
      reason: `feature '${name}' is missing or no whole number, and the model reads ${type}`,
    });
  if (type === 'INT64') return BigInt64Array.from(values, BigInt);
  if (type === 'UINT64') return BigUint64Array.from(values, BigInt);
  return Reflect.apply(tensorArrays[type].from, tensorArrays[type], [values]) as Float64Array<ArrayBuffer>;
}

function scoresOf({ model, version }: VersionRecord, data: Tensor['data'], rows: number): Float32Array {
  const width = data.length / rows;
  if (width !== 1 && width !== 2)
    throw fail('PYTHON_OUTPUT', { model, version, reason: `${data.length} numbers for ${rows} rows` });
  const scores = new Float32Array(rows);
  for (let row = 0; row < rows; row += 1) scores[row] = Number(data[row * width + width - 1]);
  return scores;
}
