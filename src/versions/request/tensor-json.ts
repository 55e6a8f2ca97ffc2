import { isUtf8 } from 'node:buffer';
import { isFloatType, type NumberType, WHOLE_RANGES } from '../../model/number-type.ts';
import { ExactNumber } from '../../schema/json-exact.ts';
import { elementsOf, type NumericTensorData, type Tensor, type TensorType, tensorArrays } from '../../schema/tensor.ts';
import { refuse } from './refuse.ts';

/** Nesting above which a document is refused, as Triton does. */
const DEEPEST = 100;

interface JsonTensor {
  readonly name: string;
  readonly type: TensorType;
  readonly shape: readonly number[];
  readonly data: unknown;
}

/** Reads the elements of a tensor from JSON, nested or flat. Error: OIP_REQUEST. Hot path. */
export function parseTensorData({ name, type, shape, data }: JsonTensor): Tensor {
  if (type === 'FP16' || type === 'BF16')
    throw refuse(
      `receiving ${type} data via JSON is not supported. Please use the binary data format for input ${name}`,
    );
  if (!Array.isArray(data)) throw refuse(`unable to parse 'data': input '${name}' has no array of data`);
  const elements = elementsOf(shape);
  const flat = typeof data[0] === 'object' && data[0] !== null ? flattened(name, data, elements) : data;
  if (flat.length !== elements)
    throw refuse(
      `unable to parse 'data': input '${name}' has ${flat.length} elements, its shape [${shape.join(',')}] has ${elements}`,
    );
  if (type === 'BYTES') return { name, type, shape, data: flat.map((one) => textBytes(name, one)) };
  return { name, type, shape, data: numbersOf(name, type, flat) };
}

/** The JSON of a tensor's elements, flat. Error: OIP_REQUEST, for a type or value that JSON does not hold. Hot path. */
export function tensorDataText({ name, type, data }: Tensor): string {
  switch (type) {
    case 'FP16':
    case 'BF16':
      throw refuse(
        `sending ${type} data via JSON is not supported. Please use the binary data format for output ${name}`,
      );
    case 'BYTES':
      return JSON.stringify((data as readonly Uint8Array[]).map((bytes) => textOf(name, bytes)));
    case 'BOOL':
      return `[${Array.from(data as Uint8Array, (bit) => (bit === 0 ? 'false' : 'true')).join(',')}]`;
    case 'FP32':
      return floatsText(name, data as Float32Array, true);
    case 'FP64':
      return floatsText(name, data as Float64Array, false);
    default:
      return `[${(data as NumericTensorData).join(',')}]`;
  }
}

function flattened(name: string, data: readonly unknown[], elements: number): readonly unknown[] {
  const flat: unknown[] = [];
  const visit = (list: readonly unknown[], depth: number): void => {
    if (depth > DEEPEST) throw refuse(`JSON nesting depth exceeds maximum allowed limit (${DEEPEST})`);
    const [first] = list;
    for (const one of list) {
      if (Array.isArray(one) !== Array.isArray(first) || (Array.isArray(first) && lengthOf(one) !== first.length))
        throw refuse(`unable to parse 'data': input '${name}' has lists of different lengths`);
      if (Array.isArray(one)) visit(one, depth + 1);
      else if (flat.length < elements) flat.push(one);
      else throw refuse(`unable to parse 'data': input '${name}' has more than ${elements} elements`);
    }
  };
  // The document, its inputs and the input are three levels.
  visit(data, 4);
  return flat;
}

function lengthOf(list: unknown): number {
  return Array.isArray(list) ? list.length : 0;
}

function numbersOf(name: string, type: NumberType, flat: readonly unknown[]): NumericTensorData {
  const out = new tensorArrays[type](flat.length);
  if (out instanceof BigInt64Array || out instanceof BigUint64Array) {
    for (let i = 0; i < flat.length; i += 1) {
      const whole = wholeOf(name, flat[i], type);
      out[i] = whole;
      if (out[i] !== whole) throw outOfRange(name, type, whole);
    }
    return out;
  }
  if (type === 'BOOL') {
    for (let i = 0; i < flat.length; i += 1) out[i] = bitOf(name, flat[i]);
    return out;
  }
  const range = isFloatType(type) ? undefined : WHOLE_RANGES[type].map(Number);
  for (let i = 0; i < flat.length; i += 1) {
    const value = flat[i];
    const number = typeof value === 'number' ? value : otherNumber(name, value);
    if (range !== undefined && (!Number.isInteger(number) || number < range[0] || number > range[1]))
      throw outOfRange(name, type, number);
    out[i] = number;
    // JSON has no infinity: the number is beyond the type.
    if (range === undefined && !Number.isFinite(out[i])) throw outOfRange(name, type, number);
  }
  return out;
}

/** A number that a double did not hold exactly. */
function otherNumber(name: string, value: unknown): number {
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof ExactNumber) return Number(value.text);
  throw refuse(`unable to parse 'data': input '${name}' has an element that is no number`);
}

function wholeOf(name: string, value: unknown, type: TensorType): bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
  if (typeof value === 'number') throw outOfRange(name, type, value);
  throw refuse(`unable to parse 'data': input '${name}' has an element that is no integer`);
}

function bitOf(name: string, value: unknown): number {
  if (value === true || value === 1) return 1;
  if (value === false || value === 0) return 0;
  throw refuse(`unable to parse 'data': input '${name}' has an element that is no boolean`);
}

function outOfRange(name: string, type: TensorType, value: number | bigint) {
  return refuse(`unable to parse 'data': input '${name}' has ${value}, which is no ${type}`);
}

function textBytes(name: string, value: unknown): Uint8Array {
  if (typeof value === 'string' && value.isWellFormed()) return Buffer.from(value, 'utf8');
  throw refuse(`unable to parse 'data': input '${name}' has an element that is no text`);
}

function textOf(name: string, bytes: Uint8Array): string {
  if (isUtf8(bytes)) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  throw refuse(`output '${name}' has bytes that are no text. Please use the binary data format for it`);
}

/** Powers of ten that a float64 holds exactly. */
const TENS = Array.from({ length: 23 }, (_, power) => Number(`1e${power}`));

function floatsText(name: string, data: Float32Array | Float64Array, single: boolean): string {
  let text = '';
  for (let i = 0; i < data.length; i += 1) text += `${i === 0 ? '[' : ','}${floatText(name, data[i], single)}`;
  return text === '' ? '[]' : `${text}]`;
}

/** The text of seven to nine digits that reads back as the same float32; of a float64 the shortest. */
function floatText(name: string, value: number, single: boolean): string {
  if (!Number.isFinite(value))
    throw refuse(`output '${name}' has ${value}, which JSON does not hold. Please use the binary data format for it`);
  if (!single || Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  const text = size >= 1e-7 && size < 1e7 ? usualText(size) : rareText(size);
  return value < 0 ? `-${text}` : text;
}

/**
 * Seven to nine digits as a whole number, divided by a power of ten: both are exact in a float64, so the quotient is the one nearest to
 * those digits. Hot path.
 */
function usualText(size: number): string {
  let power = 6;
  while (power > 0 && size * TENS[power] >= 1e7) power -= 1;
  while (size * TENS[power] < 1e6) power += 1;
  for (const scale of [TENS[power], TENS[power + 1]]) {
    const short = Math.round(size * scale) / scale;
    if (Math.fround(short) === size) return String(short);
  }
  return String(Math.round(size * TENS[power + 2]) / TENS[power + 2]);
}

function rareText(size: number): string {
  const short = Number(size.toPrecision(7));
  if (Math.fround(short) === size) return String(short);
  const longer = Number(size.toPrecision(8));
  return String(Math.fround(longer) === size ? longer : Number(size.toPrecision(9)));
}
