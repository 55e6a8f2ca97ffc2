import { isUtf8 } from 'node:buffer';
import { checkJson } from '../../schema/json-bounds.ts';
import { parseJsonExact } from '../../schema/json-exact.ts';
import { elementsOf, type Tensor, type TensorSpec, type TensorType, tensorArrays } from '../../schema/tensor.ts';
import type { AskedOutput, InferRequest, Parameter, Parameters } from '../../versions/request/infer-request.ts';
import { refuse } from '../../versions/request/refuse.ts';
import { decodeTensor } from '../../versions/request/tensor-bytes.ts';
import { parseTensorData } from '../../versions/request/tensor-json.ts';
import { memoryOf, type SharedMemory, sharedPlaceOf } from './shared-memory.ts';

/*
 * The body of an inference request:
 *
 *   body = json *tensor     ; the tensors of the inputs with binary_data_size, in their order
 *
 * The header inference-header-content-length is the length of the JSON. Without it all is JSON. With 0 there is no JSON:
 * the body is the one input of the model.
 */

/** Elements that a 64-bit count holds. */
const MOST_ELEMENTS = 2 ** 63;

export interface InferBody {
  readonly model: string;
  readonly version: string;
  /** The header inference-header-content-length. */
  readonly headerLength: string | null;
  /** Without compression. */
  readonly body: Uint8Array;
  /** Its JSON, where that is read already. */
  readonly json?: unknown;
  /** JSON values that it may have, where that is less than of any body. */
  readonly mostValues?: number;
  /** Inputs of the model, for a body without JSON. Errors: those of a model that is absent. */
  readonly inputsOf: () => readonly TensorSpec[];
  /** Where inputs may be that are not in the body; null: shared memory is off. */
  readonly memory: SharedMemory | null;
}

type Json = Readonly<Record<string, unknown>>;

/** Parses a request. Errors: OIP_REQUEST, SERVER_BODY_BOUNDS. Hot path. */
export function parseInfer(source: InferBody): InferRequest {
  const { model, version, headerLength, body, memory } = source;
  if (headerLength === '0') return rawRequest(source);
  const end = headerLength === null ? body.length : headerEnd(headerLength, body.length);
  const json =
    source.json === undefined ? jsonOf(body.subarray(0, end), source.mostValues) : objectOf(source.json, 'the request');
  const parameters = parametersOf(json['parameters'], 'request');
  const { inputs, outputs } = json;
  if (!Array.isArray(inputs)) throw refuse("unable to find 'inputs' in the request");
  const tail = { bytes: body, at: end, model, memory };
  const tensors = inputs.map((input) => inputOf(input, tail));
  if (tail.at !== body.length) throw refuse(`unexpected additional input data for model '${model}'`);
  return {
    model,
    version,
    id: idOf(json['id']),
    parameters,
    inputs: tensors,
    outputs: outputs === undefined ? null : outputsOf(outputs, parameters['binary_data_output'] === true),
  };
}

function headerEnd(text: string, size: number): number {
  if (!/^\d{1,18}$/.test(text))
    throw refuse(`invalid inference header size '${text.slice(0, 40)}': expected an integer`);
  const length = Number(text);
  if (length > size) throw refuse(`inference header size should be in range (0, ${size}), got: ${text}`);
  return length;
}

/** Reads the JSON object of a request. Errors: OIP_REQUEST, SERVER_BODY_BOUNDS. */
export function jsonOf(bytes: Uint8Array, mostValues?: number): Json {
  const text = textOf(bytes);
  checkJson(text, mostValues);
  try {
    return objectOf(parserOf(text)(text), 'the request');
  } catch (error) {
    throw noJson(error);
  }
}

/** Reads the JSON of a request by another reader, which takes turns with others. Errors: OIP_REQUEST, those of the reader. */
export async function jsonInTurns(
  bytes: Uint8Array,
  read: (text: string, parse: (piece: string) => unknown) => Promise<unknown>,
): Promise<unknown> {
  const text = textOf(bytes);
  try {
    return await read(text, parserOf(text));
  } catch (error) {
    throw noJson(error);
  }
}

/** Error: OIP_REQUEST. */
function textOf(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw refuse('failed to parse the request JSON buffer: it is not UTF-8');
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

/** Only 64-bit integers have more digits than a double holds. */
function parserOf(text: string): (piece: string) => unknown {
  return text.includes('INT64') ? parseJsonExact : JSON.parse;
}

function noJson(error: unknown): unknown {
  return error instanceof SyntaxError ? refuse(`failed to parse the request JSON buffer: ${error.message}`) : error;
}

function objectOf(value: unknown, what: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw refuse(`${what} is no JSON object`);
}

function nameOf(json: Json, what: string): string {
  const { name } = json as { readonly name?: unknown };
  if (typeof name === 'string' && name !== '') return name;
  throw refuse(`unable to find 'name' of ${what}`);
}

function idOf(id: unknown): string {
  if (id === undefined) return '';
  if (typeof id === 'string') return id;
  throw refuse("unable to parse 'id': it is no text");
}

function parametersOf(value: unknown, what: string): Parameters {
  if (value === undefined) return {};
  const given = objectOf(value, `'parameters' of the ${what}`);
  for (const [key, one] of Object.entries(given)) {
    if (key.startsWith('triton_'))
      throw refuse("parameter keys starting with 'triton_' are reserved for Triton usage and should not be specified.");
    if (!isParameter(one)) throw refuse(`parameter '${key}' of the ${what} is no text, number or boolean`);
  }
  return given as Parameters;
}

function isParameter(value: unknown): value is Parameter {
  return ['string', 'number', 'boolean', 'bigint'].includes(typeof value);
}

interface Tail {
  readonly bytes: Uint8Array;
  readonly model: string;
  readonly memory: SharedMemory | null;
  /** Where the next binary tensor begins. */
  at: number;
}

function inputOf(value: unknown, tail: Tail): Tensor {
  const json = objectOf(value, 'an input');
  const name = nameOf(json, 'an input');
  const type = typeOf(json['datatype'], name);
  const shape = shapeOf(json['shape'], name, type);
  const parameters = parametersOf(json['parameters'], `input '${name}'`);
  const shared = sharedPlaceOf(parameters, name);
  if (shared !== null) {
    if (json['data'] !== undefined) throw refuse(`input '${name}' is in shared memory, and has data in the request`);
    return decodeTensor({ name, type, shape, bytes: memoryOf(tail.memory).read(shared), model: tail.model });
  }
  const size = parameters['binary_data_size'];
  if (size === undefined) return parseTensorData({ name, type, shape, data: json['data'] });
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw refuse(`'binary_data_size' of input '${name}' is no size`);
  const end = tail.at + size;
  if (end > tail.bytes.length)
    throw refuse(
      `unexpected size for input '${name}', expecting ${end - tail.bytes.length} additional bytes for model '${tail.model}'`,
    );
  const bytes = tail.bytes.subarray(tail.at, end);
  tail.at = end;
  return decodeTensor({ name, type, shape, bytes, model: tail.model });
}

/** Reads the name of an element type. Error: OIP_REQUEST. */
export function typeOf(value: unknown, input: string): TensorType {
  if (value === 'BYTES' || (typeof value === 'string' && Object.hasOwn(tensorArrays, value)))
    return value as TensorType;
  throw refuse(`invalid datatype '${String(value).slice(0, 40)}' for input '${input}'`);
}

/** Checks the shape of an input. Error: OIP_REQUEST. */
export function shapeOf(value: unknown, input: string, type: TensorType): readonly number[] {
  if (!Array.isArray(value)) throw refuse(`unable to parse 'shape' of input '${input}'`);
  const sizes = value.map((size) => (typeof size === 'bigint' ? Number(size) : size));
  if (!sizes.every((size) => Number.isInteger(size) && size >= 0))
    throw refuse(`unable to parse 'shape': dimension of input '${input}' must be integer >= 0`);
  const elements = elementsOf(sizes);
  if (!(elements < MOST_ELEMENTS))
    throw refuse(`shape of input '${input}' causes total element count to exceed maximum size of ${2n ** 63n - 1n}`);
  if (type !== 'BYTES' && elements * tensorArrays[type].BYTES_PER_ELEMENT >= MOST_ELEMENTS)
    throw refuse(`byte size overflow for input '${input}'`);
  if (!sizes.every(Number.isSafeInteger)) throw refuse(`a dimension of input '${input}' is too large`);
  return sizes;
}

function outputsOf(value: unknown, binaryByDefault: boolean): readonly AskedOutput[] {
  if (!Array.isArray(value)) throw refuse("unable to parse 'outputs' of the request");
  const seen = new Set<string>();
  return value.map((one) => {
    const json = objectOf(one, 'an output');
    const name = nameOf(json, 'an output');
    if (seen.has(name)) throw refuse(`output '${name}' already exists in request`);
    seen.add(name);
    const parameters = parametersOf(json['parameters'], `output '${name}'`);
    const { binary_data: binary = binaryByDefault, classification = 0 } = parameters;
    if (typeof binary !== 'boolean') throw refuse(`'binary_data' of output '${name}' is no boolean`);
    const shared = sharedPlaceOf(parameters, name);
    return { name, binary, classes: classesOf(classification, name), shared };
  });
}

/** Checks the number of classes that is asked for. Error: OIP_REQUEST. */
export function classesOf(value: Parameter, output: string): number {
  const classes = Number(value);
  if (Number.isSafeInteger(classes) && classes >= 0 && typeof value !== 'boolean') return classes;
  throw refuse(`'classification' of output '${output}' is no number of classes`);
}

/** A body that is the one input of a model, for one row. */
function rawRequest({ model, version, body, inputsOf }: InferBody): InferRequest {
  const inputs = inputsOf();
  const [input] = inputs;
  if (input === undefined || inputs.length !== 1)
    throw refuse(
      `Raw request must only have 1 input (found 1) to be deduced but got ${inputs.length} inputs in '${model}' model configuration`,
    );
  const { name, type } = input;
  const shape = rawShape(input, body.length);
  const bytes = type === 'BYTES' ? withLength(body) : body;
  const tensor = decodeTensor({ name, type, shape, bytes, model });
  return { model, version, id: '', parameters: { binary_data_output: true }, inputs: [tensor], outputs: null };
}

function withLength(bytes: Uint8Array): Uint8Array {
  const out = Buffer.allocUnsafe(bytes.length + 4);
  out.writeUInt32LE(bytes.length);
  out.set(bytes, 4);
  return out;
}

/** The batch is one row; at most one other dimension follows from the size of the body. */
function rawShape({ name, type, shape }: TensorSpec, size: number): readonly number[] {
  const [first, ...rest] = shape;
  const fixed = first === -1 && rest.length > 0 ? [1, ...rest] : [...shape];
  const open = fixed.filter((one) => one === -1).length;
  if (type === 'BYTES') {
    if (fixed.every((one) => one === 1) || (open === 1 && fixed.length === 1)) return fixed.map(() => 1);
    throw refuse(`For BYTE datatype raw input '${name}', the model must have input shape [1]`);
  }
  if (open > 1)
    throw refuse(
      `The shape of the raw input '${name}' can not be deduced because there are more than one variable-sized dimension`,
    );
  const known = fixed.reduce((product, one) => (one === -1 ? product : product * one), 1);
  const width = known * tensorArrays[type].BYTES_PER_ELEMENT;
  if (open === 1 && (width === 0 || size % width !== 0))
    throw refuse(
      `The shape of the raw input '${name}' can not be deduced because the number of elements of the body is no multiple of ${known}`,
    );
  return fixed.map((one) => (one === -1 ? size / width : one));
}
