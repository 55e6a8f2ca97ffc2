import { elementsOf, type Tensor, type TensorSpec } from '../../schema/tensor.ts';
import type { InferReply, InferRequest, Parameter, Parameters } from '../../versions/request/infer-request.ts';
import { refuse } from '../../versions/request/refuse.ts';
import { parseTensorData, tensorDataText } from '../../versions/request/tensor-json.ts';
import { jsonOf } from './parse-infer.ts';

/*
 * The generate extension of the protocol. A member of the body with the name of an input is that input, for one row: a
 * value, or a list of them. `parameters` and other plain members are the parameters of the request. An answer has the
 * outputs by their names: an output of one element is a value, another a list.
 *
 *   {"text_input": "hello", "max_tokens": 20}  →  {"model_name": "m", "model_version": "1", "text_output": "hello to you"}
 */

export interface GenerateBody {
  readonly model: string;
  readonly version: string;
  readonly body: Uint8Array;
  readonly inputs: readonly TensorSpec[];
}

/** Parses a body. Error: OIP_REQUEST. */
export function parseGenerate({ model, version, body, inputs }: GenerateBody): InferRequest {
  const json = jsonOf(body);
  const tensors = inputs.map((spec): Tensor => {
    const value = json[spec.name];
    if (value === undefined) throw refuse(`unable to find '${spec.name}' in the request for model '${model}'`);
    return inputOf(spec, value);
  });
  const id = json['id'] ?? '';
  if (typeof id !== 'string') throw refuse("unable to parse 'id': it is no text");
  const named = new Set(['id', 'parameters', ...inputs.map(({ name }) => name)]);
  const others = Object.fromEntries(Object.entries(json).filter(([key]) => !named.has(key)));
  const parameters = { ...parametersOf(others), ...parametersOf(json['parameters'] ?? {}) };
  return { model, version, id, parameters, inputs: tensors, outputs: null };
}

/** Writes one piece of an answer. Error: OIP_REQUEST, for a value that JSON does not hold. */
export function writeGenerate({ model, version, id, outputs }: InferReply): string {
  const head = `${id === '' ? '' : `"id":${JSON.stringify(id)},`}"model_name":${JSON.stringify(model)},"model_version":${JSON.stringify(version)}`;
  const members = outputs.map((tensor) => `,${JSON.stringify(tensor.name)}:${valueText(tensor)}`);
  return `{${head}${members.join('')}}`;
}

function valueText(tensor: Tensor): string {
  const text = tensorDataText(tensor);
  return tensor.data.length === 1 ? text.slice(1, -1) : text;
}

function inputOf({ name, type, shape }: TensorSpec, value: unknown): Tensor {
  const data = Array.isArray(value) ? value : [value];
  const [first, ...rest] = shape;
  const fixed = first === -1 && rest.length > 0 ? [1, ...rest] : [...shape];
  const open = fixed.filter((size) => size === -1).length;
  if (open > 1) throw refuse(`the shape of input '${name}' can not be deduced: it has ${open} variable dimensions`);
  const known = elementsOf(fixed.map((size) => (size === -1 ? 1 : size)));
  const sizes = fixed.map((size) => (size === -1 ? Math.floor(data.length / Math.max(1, known)) : size));
  return parseTensorData({ name, type, shape: sizes, data });
}

function parametersOf(value: unknown): Parameters {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw refuse("'parameters' of the request is no JSON object");
  for (const [key, one] of Object.entries(value))
    if (!['string', 'number', 'boolean', 'bigint'].includes(typeof one))
      throw refuse(`parameter '${key}' of the request is no text, number or boolean`);
  return value as Readonly<Record<string, Parameter>>;
}
