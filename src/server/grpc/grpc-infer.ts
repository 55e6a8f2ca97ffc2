import { elementsOf, type Tensor, type TensorType, tensorArrays } from '../../schema/tensor.ts';
import { classified } from '../../serving/oip/classify.ts';
import { classesOf, shapeOf, typeOf } from '../../serving/oip/parse-infer.ts';
import { memoryOf, type SharedMemory, sharedPlaceOf } from '../../serving/oip/shared-memory.ts';
import { sharedParameters } from '../../serving/oip/write-infer.ts';
import type {
  InferReply,
  InferRequest,
  Parameter,
  Parameters,
  SharedPlace,
} from '../../versions/request/infer-request.ts';
import { refuse } from '../../versions/request/refuse.ts';
import { decodeTensor, encodeTensor } from '../../versions/request/tensor-bytes.ts';
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
export function requestOf(message: PlainMessage, memory: SharedMemory | null): InferRequest {
  const model = String(message['modelName']);
  const raw = message['rawInputContents'] as readonly Uint8Array[];
  const inputs = message['inputs'] as readonly PlainMessage[];
  const outputs = message['outputs'] as readonly PlainMessage[];
  for (const { name, contents } of raw.length > 0 ? inputs : [])
    if (contents !== undefined)
      throw refuse(
        `contents field must not be specified when using raw_input_contents for '${String(name)}' for model '${model}'`,
      );
  const places = inputs.map((input) => sharedPlaceOf(parametersOf(input['parameters']), String(input['name'])));
  const inMessage = places.filter((place) => place === null).length;
  if (raw.length > 0 && raw.length !== inMessage)
    throw refuse(
      `expected number of inputs between raw_input_contents and inputs to match, got ${raw.length} and ${inMessage} for model '${model}'`,
    );
  let next = 0;
  const contentOf = (input: PlainMessage, i: number): Tensor => {
    const place = places[i] ?? null;
    if (place !== null) return tensorOf(input, memoryOf(memory).read(place), model);
    next += 1;
    return tensorOf(input, raw[next - 1], model);
  };
  return {
    model,
    version: String(message['modelVersion']),
    id: String(message['id']),
    parameters: parametersOf(message['parameters']),
    inputs: inputs.map(contentOf),
    outputs: outputs.length === 0 ? null : outputs.map(outputOf),
  };
}

/** A reply as the fields of ModelInferResponse: always raw, in the order of the outputs. Error: OIP_REQUEST. */
export function responseOf({ outputs: asked }: InferRequest, reply: InferReply, memory: SharedMemory | null): object {
  const tensors = reply.outputs.map((tensor, i) => classified(tensor, asked?.[i]?.classes ?? 0));
  return {
    modelName: reply.model,
    modelVersion: reply.version,
    id: reply.id,
    parameters: reply.lane === undefined ? {} : laneParameters(reply.lane),
    outputs: tensors.map((tensor, i) => outputFields(tensor, asked?.[i]?.shared ?? null, memory)),
    // One for each output: empty where its elements are in shared memory.
    rawOutputContents: tensors.map((tensor, i) =>
      (asked?.[i]?.shared ?? null) === null ? encodeTensor(tensor) : new Uint8Array(0),
    ),
  };
}

function outputFields(tensor: Tensor, shared: SharedPlace | null, memory: SharedMemory | null): object {
  const { name, type, shape } = tensor;
  const fields = { name, datatype: type, shape: shape.map(BigInt) };
  if (shared === null) return fields;
  const entries = Object.entries(sharedParameters(shared, tensor, memory)).map(([key, value]) => [
    key,
    {
      choice: typeof value === 'string' ? { case: 'stringParam', value } : { case: 'int64Param', value: BigInt(value) },
    },
  ]);
  return { ...fields, parameters: Object.fromEntries(entries) };
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
  const classes = classesOf(parameters['classification'] ?? 0, name);
  return { name, binary: true, classes, shared: sharedPlaceOf(parameters, name) };
}

function tensorOf(message: PlainMessage, raw: Uint8Array | undefined, model: string): Tensor {
  const name = String(message['name']);
  const type = typeOf(message['datatype'], name);
  const shape = shapeOf(message['shape'], name, type);
  const contents = message['contents'] as PlainMessage | undefined;
  if (raw !== undefined) return decodeTensor({ name, type, shape, bytes: raw, model });
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
