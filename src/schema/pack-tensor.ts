import type { Tensor } from './tensor.ts';

/** A tensor as a message to another thread takes it: byte strings joined, so that no memory around them goes along. */
export type PackedTensor =
  | Exclude<Tensor, { readonly type: 'BYTES' }>
  | {
      readonly name: string;
      readonly type: 'BYTES';
      readonly shape: readonly number[];
      readonly bytes: Uint8Array<ArrayBuffer>;
      /** Of each element. */
      readonly lengths: Uint32Array<ArrayBuffer>;
    };

/** Packs a tensor. A part of a larger array is copied. */
export function packTensor(tensor: Tensor): PackedTensor {
  const { name, shape } = tensor;
  if (tensor.type !== 'BYTES') {
    const { data } = tensor;
    return data.byteLength === data.buffer.byteLength ? tensor : { ...tensor, data: data.slice() };
  }
  const lengths = Uint32Array.from(tensor.data, ({ length }) => length);
  const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  let at = 0;
  for (const one of tensor.data) {
    bytes.set(one, at);
    at += one.length;
  }
  return { name, type: 'BYTES', shape, bytes, lengths };
}

/** The tensor that was packed. */
export function unpackTensor(packed: PackedTensor): Tensor {
  if (packed.type !== 'BYTES') return packed;
  const { name, type, shape, bytes, lengths } = packed;
  let at = 0;
  const data = Array.from(lengths, (length) => {
    at += length;
    return bytes.subarray(at - length, at);
  });
  return { name, type, shape, data };
}
