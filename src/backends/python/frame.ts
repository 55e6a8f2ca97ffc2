import { elementsOf, type Tensor, type TensorType, tensorArrays } from '../../schema/tensor.ts';

/*
 * Messages between the server and the worker of a model:
 *
 *   frame  = length (uint32, of the rest) jsonLength (uint32) json *tensor
 *   tensor = the elements of a tensor of the JSON's `tensors`, in its order: row-major, little-endian, without padding;
 *            BYTES are the strings one after the other, and the JSON has their lengths
 */

const WORD = 4;

/** A message of a worker, and the bytes of its tensors. */
export interface Frame {
  readonly message: Readonly<Record<string, unknown>>;
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** Writes a frame as parts to send one after the other. Numeric tensors share their memory with the result. Hot path. */
export function encodeFrame(message: object, tensors: readonly Tensor[]): readonly Uint8Array[] {
  const payload = tensors.map(bytesOf);
  const json = Buffer.from(
    JSON.stringify({ ...message, tensors: tensors.map((one, i) => described(one, payload[i])) }),
  );
  const length = payload.reduce((sum, { byteLength }) => sum + byteLength, WORD + json.byteLength);
  const head = Buffer.allocUnsafe(2 * WORD);
  head.writeUInt32LE(length, 0);
  head.writeUInt32LE(json.byteLength, WORD);
  return [head, json, ...payload];
}

function described({ name, type, shape, data }: Tensor, { byteLength }: Uint8Array): object {
  const lengths = type === 'BYTES' ? { lengths: data.map((one: Uint8Array) => one.byteLength) } : {};
  return { name, type, shape, bytes: byteLength, ...lengths };
}

function bytesOf({ type, data }: Tensor): Uint8Array {
  if (type === 'BYTES') return Buffer.concat(data);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Cuts a stream of bytes into frames. A frame that cannot be one is an error, which says why. */
export class FrameReader {
  readonly #mostBytes: number;
  #chunks: Uint8Array[] = [];
  #held = 0;
  /** Bytes of the frame that comes, its length included; 0: the length is not there yet. */
  #wanted = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** Takes a chunk; returns the frames that it completes. Errors: a text in words for people, thrown as RangeError. */
  push(chunk: Uint8Array): readonly Frame[] {
    this.#chunks.push(chunk);
    this.#held += chunk.byteLength;
    const frames: Frame[] = [];
    for (;;) {
      if (this.#wanted === 0 && !this.#begin()) return frames;
      if (this.#held < this.#wanted) return frames;
      frames.push(parsed(this.#taken(this.#wanted)));
      this.#wanted = 0;
    }
  }

  #begin(): boolean {
    if (this.#held < 2 * WORD) return false;
    const all = this.#joined();
    const view = new DataView(all.buffer, all.byteOffset, all.byteLength);
    const [length, json] = [view.getUint32(0, true), view.getUint32(WORD, true)];
    if (length > this.#mostBytes) throw new RangeError(`a frame of ${length} bytes, above ${this.#mostBytes}`);
    if (json > length - WORD) throw new RangeError(`a frame of ${length} bytes whose JSON has ${json}`);
    this.#wanted = WORD + length;
    return true;
  }

  #joined(): Uint8Array {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0];
  }

  /** The first bytes, in memory of their own that begins at an address for every type. */
  #taken(count: number): Uint8Array<ArrayBuffer> {
    const all = this.#joined();
    const taken = Uint8Array.from(all.subarray(0, count));
    this.#chunks = count === all.byteLength ? [] : [all.subarray(count)];
    this.#held -= count;
    return taken;
  }
}

function parsed(frame: Uint8Array<ArrayBuffer>): Frame {
  const json = new DataView(frame.buffer).getUint32(WORD, true);
  let message: unknown;
  try {
    message = JSON.parse(new TextDecoder('utf8', { fatal: true }).decode(frame.subarray(2 * WORD, 2 * WORD + json)));
  } catch {
    throw new RangeError('a frame that is not JSON');
  }
  if (typeof message !== 'object' || message === null || Array.isArray(message))
    throw new RangeError('a frame that is no JSON object');
  return { message: message as Frame['message'], payload: frame.subarray(2 * WORD + json) };
}

/** The tensors of a frame. Errors: a text in words for people, thrown as RangeError. */
export function tensorsOf({ message, payload }: Frame): readonly Tensor[] {
  const { tensors } = message;
  if (!Array.isArray(tensors)) throw new RangeError('a frame without tensors');
  let at = 0;
  const read = tensors.map((described: unknown): Tensor => {
    const { name, type, shape, bytes, lengths } = fieldsOf(described);
    if (bytes > payload.byteLength - at) throw new RangeError(`tensor '${name}' has fewer bytes than it says`);
    const part = payload.slice(at, at + bytes);
    at += bytes;
    return tensorOf({ name, type, shape, part, lengths });
  });
  if (at !== payload.byteLength) throw new RangeError('a frame with bytes after its tensors');
  return read;
}

interface Described {
  readonly name: string;
  readonly type: TensorType;
  readonly shape: readonly number[];
  readonly bytes: number;
  readonly lengths: readonly number[];
}

function fieldsOf(described: unknown): Described {
  const { name, type, shape, bytes, lengths }: Record<string, unknown> = Object(described);
  if (typeof name !== 'string') throw new RangeError('a tensor without a name');
  if (!isTensorType(type)) throw new RangeError(`tensor '${name}' of the type '${String(type)}'`);
  if (!isSizes(shape) || !isSize(bytes)) throw new RangeError(`tensor '${name}' without a shape or size`);
  return { name, type, shape, bytes, lengths: isSizes(lengths) ? lengths : [] };
}

/** Whether a value names a type of tensors. */
export function isTensorType(value: unknown): value is TensorType {
  return typeof value === 'string' && (value === 'BYTES' || Object.hasOwn(tensorArrays, value));
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isSizes(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every(isSize);
}

function tensorOf({
  name,
  type,
  shape,
  part,
  lengths,
}: Omit<Described, 'bytes'> & { readonly part: Uint8Array<ArrayBuffer> }): Tensor {
  const elements = elementsOf(shape);
  if (type === 'BYTES') {
    const total = lengths.reduce((sum, one) => sum + one, 0);
    if (lengths.length !== elements || total !== part.byteLength)
      throw new RangeError(`tensor '${name}' has ${lengths.length} strings for the shape [${shape.join(',')}]`);
    let at = 0;
    const data = lengths.map((length) => {
      at += length;
      return part.subarray(at - length, at);
    });
    return { name, type, shape, data };
  }
  const Elements = tensorArrays[type];
  if (elements * Elements.BYTES_PER_ELEMENT !== part.byteLength)
    throw new RangeError(`tensor '${name}' has ${part.byteLength} bytes for ${type} [${shape.join(',')}]`);
  return { name, type, shape, data: new Elements(part.buffer) };
}
