import { elementsOf, type Tensor, type TensorType, tensorArrays } from '../../schema/tensor.ts';
import { classified } from '../../serving/oip/classify.ts';
import type { InferReply, InferRequest, Parameter, Parameters } from '../../serving/oip/infer-request.ts';
import { classesOf, shapeOf, typeOf } from '../../serving/oip/parse-infer.ts';
import { refuse } from '../../serving/oip/refuse.ts';
import { decodeTensor, encodeTensor } from '../../serving/oip/tensor-bytes.ts';
import type { PlainMessage } from './proto.ts';

/** The field of InferTensorContents that holds a type. */
const CONTENTS: Readonly<Partial<Record<TensorType, string>>> = {
  BOOL: 'boolContents',
  INT8: 'intContents',
  INT16: 'intContents',
  INT32: 'intContents',
  INT64: 'int64Contents',
  UINT8: 'uintContents',
  UINT16: 'uintContents',
  UINT32: 'uintContents',
  UINT64: 'uint64Contents',
  FP32: 'fp32Contents',
  FP64: 'fp64Contents',
  BYTES: 'bytesContents',
};

/** A decoded ModelInferRequest as a request. Error: OIP_REQUEST. */
export function requestOf(message: PlainMessage): InferRequest {
  const model = String(message['modelName']);
  const raw = message['rawInputContents'] as readonly Uint8Array[];
  const inputs = message['inputs'] as readonly PlainMessage[];
  const outputs = message['outputs'] as readonly PlainMessage[];
  if (raw.length > 0 && raw.length !== inputs.length)
    throw refuse(
      `expected number of inputs between raw_input_contents and inputs to match, got ${raw.length} and ${inputs.length} for model '${model}'`,
    );
  return {
    model,
    version: String(message['modelVersion']),
    id: String(message['id']),
    parameters: parametersOf(message['parameters']),
    inputs: inputs.map((input, i) => tensorOf(input, raw[i], model)),
    outputs: outputs.length === 0 ? null : outputs.map(outputOf),
  };
}

/** A reply as the fields of ModelInferResponse: always raw, in the order of the outputs. Error: OIP_REQUEST. */
export function responseOf({ outputs: asked }: InferRequest, reply: InferReply): object {
  const tensors = reply.outputs.map((tensor, i) => classified(tensor, asked?.[i]?.classes ?? 0));
  return {
    modelName: reply.model,
    modelVersion: reply.version,
    id: reply.id,
    parameters: reply.lane === undefined ? {} : laneParameters(reply.lane),
    outputs: tensors.map(({ name, type, shape }) => ({ name, datatype: type, shape: shape.map(BigInt) })),
    rawOutputContents: tensors.map(encodeTensor),
  };
}

/** The cohort as parameters of the answer. */
function laneParameters({ cohort, rollout }: NonNullable<InferReply['lane']>): object {
  const textOf = (value: string) => ({ choice: { case: 'stringParam', value } });
  return { headrace_cohort: textOf(cohort), headrace_rollout: textOf(rollout) };
}

/** Parameters of a message: of each the value that is set. */
function parametersOf(value: unknown): Parameters {
  const entries = Object.entries(value as Readonly<Record<string, { readonly choice: { readonly value?: unknown } }>>);
  return Object.fromEntries(
    entries.flatMap(([key, { choice }]) => {
      if (key.startsWith('triton_') && key !== 'triton_enable_empty_final_response')
        throw refuse(
          "parameter keys starting with 'triton_' are reserved for Triton usage and should not be specified.",
        );
      return choice.value === undefined ? [] : [[key, plainValue(choice.value)]];
    }),
  );
}

function plainValue(value: unknown): Parameter {
  if (typeof value !== 'bigint') return value as Parameter;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function outputOf(message: PlainMessage) {
  const name = String(message['name']);
  const parameters = parametersOf(message['parameters']);
  return { name, binary: true, classes: classesOf(parameters['classification'] ?? 0, name) };
}

function tensorOf(message: PlainMessage, raw: Uint8Array | undefined, model: string): Tensor {
  const name = String(message['name']);
  const type = typeOf(message['datatype'], name);
  const shape = shapeOf(message['shape'], name, type);
  const contents = message['contents'] as PlainMessage | undefined;
  if (parametersOf(message['parameters'])['shared_memory_region'] !== undefined)
    throw refuse(`'${name}' is in shared memory, which this server does not support`);
  if (raw !== undefined) {
    if (contents !== undefined)
      throw refuse(
        `contents field must not be specified when using raw_input_contents for '${name}' for model '${model}'`,
      );
    return decodeTensor({ name, type, shape, bytes: raw, model });
  }
  if (contents === undefined)
    throw refuse(`unable to find data for input tensor '${name}' for model '${model}' in request.`);
  return typedTensor({ name, type, shape, model }, contents);
}

interface TypedTensor {
  readonly name: string;
  readonly type: TensorType;
  readonly shape: readonly number[];
  readonly model: string;
}

function typedTensor({ name, type, shape, model }: TypedTensor, contents: PlainMessage): Tensor {
  const field = CONTENTS[type];
  if (field === undefined) throw refuse(`input '${name}' is ${type}, which only raw_input_contents hold`);
  const values = contents[field] as readonly unknown[];
  const elements = elementsOf(shape);
  if (values.length !== elements)
    throw refuse(
      `unexpected explicit tensor data for input tensor '${name}' for model '${model}' of type '${type}', expected datatype '${type}' with ${elements} elements, got ${values.length}`,
    );
  if (type === 'BYTES') return { name, type, shape, data: values as readonly Uint8Array[] };
  const data = new tensorArrays[type](elements);
  for (let i = 0; i < elements; i += 1) {
    data[i] = type === 'BOOL' ? Number(values[i]) : (values[i] as never);
    if (type !== 'FP32' && type !== 'FP64' && type !== 'BOOL' && data[i] !== values[i])
      throw refuse(`input '${name}' has ${String(values[i])}, which is no ${type}`);
  }
  return { name, type, shape, data };
}
