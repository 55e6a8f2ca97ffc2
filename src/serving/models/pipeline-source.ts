import { fail } from '../../base/errors/fail.ts';
import type { PipelineData } from '../../features/define/declaration.ts';
import type { LoadedModel } from '../../ports/model-runtime.ts';
import type { ColumnSpec, Value } from '../../schema/column.ts';
import { scaledToText } from '../../schema/decimal.ts';
import { type Tensor, type TensorSpec, tensorArrays } from '../../schema/tensor.ts';
import { plainConfig } from '../../versions/config/model-config.ts';
import type { ModelSource, SourceModel } from '../../versions/source/model-source.ts';
import type { PredictionRequest } from '../online/predict-many.ts';
import type { PipelinePrediction } from '../online/predict-pipeline.ts';

/** Answers requests by a pipeline of the process. */
export type PredictByPipeline = (
  pipeline: PipelineData,
  requests: readonly PredictionRequest[],
) => Promise<readonly PipelinePrediction[]>;

/** The input that names the predictions of the models: their labels will name them too. */
const ID_INPUT = 'id';

/** Runs at once: most of a run is a wait for the log. */
const RUNS_AT_ONCE = 16;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * The pipelines of a project as models that get tensors: an input for each request column and one for the ids, an output for each column of
 * the answer. A pipeline with a column that no tensor holds (a list, or null where there is no NaN) is not among them.
 */
export class PipelineSource implements ModelSource {
  readonly #pipelines: ReadonlyMap<string, PipelineData>;
  readonly #predict: PredictByPipeline;

  constructor(pipelines: readonly PipelineData[], predict: PredictByPipeline) {
    this.#pipelines = new Map(pipelines.filter(isOfTensors).map((pipeline) => [pipeline.name, pipeline]));
    this.#predict = predict;
  }

  names(): readonly string[] {
    return [...this.#pipelines.keys()];
  }

  find(name: string): SourceModel | null {
    const pipeline = this.#pipelines.get(name);
    if (pipeline === undefined) return null;
    const loaded = loadPipeline(pipeline, this.#predict);
    return {
      config: { ...plainConfig(name, 'pipeline', loaded.signature), instances: RUNS_AT_ONCE },
      versions: [String(pipeline.version)],
      preferred: null,
      alias: () => null,
      open: () => ({ kind: 'own', platform: 'pipeline', isWarm: true, load: () => loaded }),
      warmUps: () => [],
    };
  }
}

function isOfTensors({ service, outputs }: PipelineData): boolean {
  const columns = [...Object.entries(service.request), ...Object.entries(outputs)];
  return !Object.hasOwn(service.request, ID_INPUT) && columns.every(([, spec]) => tensorType(spec) !== null);
}

/** The type of the tensor that holds a column; null: there is none. */
function tensorType({ type, nullable }: ColumnSpec): TensorSpec['type'] | null {
  if (type === 'float') return 'FP64';
  if (nullable) return null;
  switch (type) {
    case 'text':
    case 'decimal':
      return 'BYTES';
    case 'int':
    case 'int64':
    case 'time':
      return 'INT64';
    case 'bool':
      return 'BOOL';
    case 'list':
    case 'embedding':
      return null;
    default:
      return type satisfies never;
  }
}

function specOf(name: string, spec: ColumnSpec): TensorSpec {
  return { name, type: tensorType(spec) ?? 'BYTES', shape: [-1] };
}

function loadPipeline(pipeline: PipelineData, predict: PredictByPipeline): LoadedModel {
  const { service, outputs } = pipeline;
  const asked = Object.entries(service.request);
  const made = Object.entries(outputs);
  const inputs = [
    { name: ID_INPUT, type: 'BYTES', shape: [-1] } as const,
    ...asked.map(([name, spec]) => specOf(name, spec)),
  ];
  return {
    signature: { inputs, outputs: made.map(([name, spec]) => specOf(name, spec)) },
    run: async (tensors, wanted = made.map(([name]) => name)) => {
      const rows = tensors[0]?.shape[0] ?? 0;
      if (tensors.some(({ shape }) => shape[0] !== rows))
        throw fail('MODEL_TENSOR', {
          reason: `the inputs of pipeline '${pipeline.name}' have different numbers of rows`,
        });
      const readers = asked.map(([name, spec]) => [name, columnReader(spec, tensorOf(tensors, name))] as const);
      const ids = columnReader({ type: 'text', nullable: false }, tensorOf(tensors, ID_INPUT));
      const requests = Array.from({ length: rows }, (_, row) => ({
        id: String(ids(row)),
        request: Object.fromEntries(readers.map(([name, read]) => [name, read(row)])),
      }));
      const answers = await predict(pipeline, requests);
      return wanted.map((name) => {
        const place = made.findIndex(([output]) => output === name);
        return columnTensor(
          name,
          outputs[name],
          answers.map((answer) => answer.outputs[place]),
        );
      });
    },
    close: async () => undefined,
  };
}

/** Error: MODEL_TENSOR. */
function tensorOf(tensors: readonly Tensor[], name: string): Tensor {
  const tensor = tensors.find((one) => one.name === name);
  if (tensor === undefined) throw fail('MODEL_TENSOR', { reason: `input '${name}' is absent` });
  return tensor;
}

/** Reads the rows of a column as JSON has them. Error: MODEL_TENSOR. */
function columnReader({ type }: ColumnSpec, { name, data }: Tensor): (row: number) => unknown {
  return (row) => {
    const value = data[row];
    if (value instanceof Uint8Array) return textOf(name, value);
    if (type === 'bool') return value !== 0;
    if (typeof value === 'bigint') return type === 'int64' ? value : Number(value);
    return Number.isNaN(value) ? null : value;
  };
}

function textOf(name: string, bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    throw fail('MODEL_TENSOR', { reason: `an element of input '${name}' is no UTF-8` }, error);
  }
}

function columnTensor(name: string, spec: ColumnSpec, values: readonly Value[]): Tensor {
  const type = tensorType(spec);
  const shape = [values.length];
  if (type === 'BYTES' || type === null)
    return { name, type: 'BYTES', shape, data: values.map((value) => bytesOf(spec, value)) };
  if (type === 'INT64')
    return {
      name,
      type,
      shape,
      data: BigInt64Array.from(values, (value) =>
        BigInt(Number.isInteger(value) || typeof value === 'bigint' ? (value as number | bigint) : 0),
      ),
    };
  const numbers = values.map((value) => (value === null ? Number.NaN : Number(value)));
  return { name, type, shape, data: Reflect.apply(tensorArrays[type].from, tensorArrays[type], [numbers]) } as Tensor;
}

function bytesOf({ scale = 0 }: ColumnSpec, value: Value): Uint8Array {
  return encoder.encode(typeof value === 'bigint' ? scaledToText(value, scale) : String(value));
}
