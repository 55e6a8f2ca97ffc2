import type { Tensor } from '../../schema/tensor.ts';
import { classified } from './classify.ts';
import type { InferReply, InferRequest } from './infer-request.ts';
import { encodeTensor } from './tensor-bytes.ts';
import { tensorDataText } from './tensor-json.ts';

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
export function writeInfer(request: InferRequest, reply: InferReply): InferBytes {
  const all = request.parameters['binary_data_output'] === true;
  const tails: Uint8Array[] = [];
  let outputs = '';
  for (let i = 0; i < reply.outputs.length; i += 1) {
    const asked = request.outputs?.[i];
    const tensor = classified(reply.outputs[i], asked?.classes ?? 0);
    const { name, type, shape } = tensor;
    const head = `{"name":${JSON.stringify(name)},"datatype":"${type}","shape":[${shape.join(',')}],`;
    outputs += `${i === 0 ? '' : ','}${head}${contentOf(tensor, asked?.binary ?? all, tails)}}`;
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

function contentOf(tensor: Tensor, binary: boolean, tails: Uint8Array[]): string {
  if (!binary) return `"data":${tensorDataText(tensor)}`;
  const bytes = encodeTensor(tensor);
  tails.push(bytes);
  return `"parameters":{"binary_data_size":${bytes.length}}`;
}
