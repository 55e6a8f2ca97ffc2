import type { Tensor } from '../../schema/tensor.ts';
import type { AskedOutput, InferReply, InferRequest, SharedPlace } from '../../versions/request/infer-request.ts';
import { encodeTensor } from '../../versions/request/tensor-bytes.ts';
import { tensorDataText } from '../../versions/request/tensor-json.ts';
import { classified } from './classify.ts';
import { memoryOf, type SharedMemory } from './shared-memory.ts';

/** The body of an answer; `headerLength` is that of its JSON where tensors follow, else null. */
interface InferBytes {
  readonly headerLength: number | null;
  readonly body: string | Buffer;
}

/** An answer as bytes, and the header that says what took how long. */
export interface InferredBytes extends InferBytes {
  readonly timing: string;
}

/** Writes the answer to a request, each output as it was asked for. Error: OIP_REQUEST. Hot path. */
export function writeInfer(request: InferRequest, reply: InferReply, memory: SharedMemory | null): InferBytes {
  const all = request.parameters['binary_data_output'] === true;
  const tails: Uint8Array[] = [];
  let outputs = '';
  for (let i = 0; i < reply.outputs.length; i += 1) {
    const asked = request.outputs?.[i];
    const tensor = classified(reply.outputs[i], asked?.classes ?? 0);
    const { name, type, shape } = tensor;
    const head = `{"name":${JSON.stringify(name)},"datatype":"${type}","shape":[${shape.join(',')}],`;
    outputs += `${i === 0 ? '' : ','}${head}${contentOf(tensor, asked ?? { binary: all, shared: null }, { tails, memory })}}`;
  }
  const { id, model, version, lane } = reply;
  const parameters = lane === undefined ? '' : laneText(lane);
  const text = `{${id === '' ? '' : `"id":${JSON.stringify(id)},`}"model_name":${JSON.stringify(model)},"model_version":${JSON.stringify(version)},${parameters}"outputs":[${outputs}]}`;
  if (tails.length === 0) return { headerLength: null, body: text };
  const json = Buffer.from(text, 'utf8');
  return { headerLength: json.length, body: Buffer.concat([json, ...tails]) };
}

/** The cohort as parameters of the answer. */
function laneText({ cohort, rollout }: NonNullable<InferReply['lane']>): string {
  return `"parameters":{"headrace_cohort":${JSON.stringify(cohort)},"headrace_rollout":${JSON.stringify(rollout)}},`;
}

interface Places {
  /** Tensors that follow the JSON. */
  readonly tails: Uint8Array[];
  readonly memory: SharedMemory | null;
}

function contentOf(
  tensor: Tensor,
  { binary, shared }: Pick<AskedOutput, 'binary' | 'shared'>,
  { tails, memory }: Places,
): string {
  if (shared !== null) return `"parameters":${JSON.stringify(sharedParameters(shared, tensor, memory))}`;
  if (!binary) return `"data":${tensorDataText(tensor)}`;
  const bytes = encodeTensor(tensor);
  tails.push(bytes);
  return `"parameters":{"binary_data_size":${bytes.length}}`;
}

/** Writes an output to its place in shared memory; gives the parameters that say so. Error: OIP_REQUEST. */
export function sharedParameters(place: SharedPlace, tensor: Tensor, memory: SharedMemory | null) {
  const bytes = encodeTensor(tensor);
  memoryOf(memory).write(place, bytes, tensor.name);
  return {
    shared_memory_region: place.region,
    shared_memory_byte_size: bytes.length,
    ...(place.offset === 0 ? {} : { shared_memory_offset: place.offset }),
  };
}
