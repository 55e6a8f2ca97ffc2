import { elementsOf, type Tensor, type TensorType, tensorArrays } from '../../schema/tensor.ts';
import { refuse } from './refuse.ts';

/*
 * Binary tensors of the Open Inference Protocol: row-major, little-endian, without padding.
 *
 *   tensor  = *element
 *   element = fixed / bytes
 *   fixed   = the bytes of the type; BOOL is one byte
 *   bytes   = length (uint32, little-endian) length*OCTET
 */

const LENGTH_BYTES = 4;

export interface BinaryTensor {
  readonly name: string;
  readonly type: TensorType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
  /** For the texts of errors. */
  readonly model: string;
}

/** Reads a binary tensor. Error: OIP_REQUEST. Hot path. */
export function decodeTensor({ name, type, shape, bytes, model }: BinaryTensor): Tensor {
  const elements = elementsOf(shape);
  if (type === 'BYTES') return { name, type, shape, data: decodeBytes(name, elements, bytes, model) };
  const Elements = tensorArrays[type];
  const expected = elements * Elements.BYTES_PER_ELEMENT;
  if (bytes.byteLength !== expected) throw wrongSize(name, bytes.byteLength, expected, model);
  if (type === 'BOOL' && bytes.some((byte) => byte > 1))
    throw refuse(`input '${name}' has a BOOL that is neither 0 nor 1`);
  // Copied: the bytes of a request may begin at any address, and its memory is used again.
  return { name, type, shape, data: new Elements(new Uint8Array(bytes).buffer) };
}

/** Writes the elements of a tensor. A numeric tensor shares its memory with the result. Hot path. */
export function encodeTensor({ type, data }: Tensor): Uint8Array {
  if (type !== 'BYTES') {
    const { buffer, byteOffset, byteLength } = data as ArrayBufferView<ArrayBuffer>;
    return new Uint8Array(buffer, byteOffset, byteLength);
  }
  const strings = data as readonly Uint8Array[];
  const out = Buffer.allocUnsafe(strings.reduce((sum, { length }) => sum + LENGTH_BYTES + length, 0));
  let at = 0;
  for (const bytes of strings) {
    at = out.writeUInt32LE(bytes.length, at);
    out.set(bytes, at);
    at += bytes.length;
  }
  return out;
}

function decodeBytes(name: string, elements: number, bytes: Uint8Array, model: string): readonly Uint8Array[] {
  const { buffer, byteOffset, byteLength } = bytes;
  const view = new DataView(buffer, byteOffset, byteLength);
  const data: Uint8Array[] = [];
  let at = 0;
  while (at < byteLength) {
    if (data.length === elements)
      throw refuse(
        `unexpected number of string elements ${elements + 1} for inference input '${name}', expecting ${elements}`,
      );
    if (byteLength - at < LENGTH_BYTES)
      throw refuse(
        `incomplete string length indicator for inference input '${name}', expecting ${LENGTH_BYTES} bytes but only ${byteLength - at} bytes available`,
      );
    const length = view.getUint32(at, true);
    at += LENGTH_BYTES;
    if (length > byteLength - at)
      throw refuse(
        `incomplete string data for inference input '${name}', expecting string of length ${length} but only ${byteLength - at} bytes available`,
      );
    data.push(bytes.slice(at, at + length));
    at += length;
  }
  if (data.length === elements) return data;
  throw refuse(`expected ${elements} strings for inference input '${name}' of model '${model}', got ${data.length}`);
}

function wrongSize(name: string, found: number, expected: number, model: string) {
  return refuse(
    `input byte size mismatch for input '${name}' for model '${model}'. Expected ${expected}, got ${found}`,
  );
}
