/**
 * Types of tensor elements, as the Open Inference Protocol v2 names them, with the array that holds them: BOOL as 0 and 1,
 * FP16 and BF16 as their bits. BYTES elements are byte strings of any length.
 */
export const tensorArrays = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  FP16: Uint16Array,
  BF16: Uint16Array,
  FP32: Float32Array,
  FP64: Float64Array,
} as const;

export type NumericTensorType = keyof typeof tensorArrays;
export type TensorType = NumericTensorType | 'BYTES';

/** Elements of numeric tensors. */
export type NumericTensorData =
  | Uint8Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | BigUint64Array<ArrayBuffer>
  | Int8Array<ArrayBuffer>
  | Int16Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>;

/** The array that holds the elements of a type. */
export type DataOf<Type extends TensorType> = {
  readonly BOOL: Uint8Array<ArrayBuffer>;
  readonly UINT8: Uint8Array<ArrayBuffer>;
  readonly UINT16: Uint16Array<ArrayBuffer>;
  readonly UINT32: Uint32Array<ArrayBuffer>;
  readonly UINT64: BigUint64Array<ArrayBuffer>;
  readonly INT8: Int8Array<ArrayBuffer>;
  readonly INT16: Int16Array<ArrayBuffer>;
  readonly INT32: Int32Array<ArrayBuffer>;
  readonly INT64: BigInt64Array<ArrayBuffer>;
  readonly FP16: Uint16Array<ArrayBuffer>;
  readonly BF16: Uint16Array<ArrayBuffer>;
  readonly FP32: Float32Array<ArrayBuffer>;
  readonly FP64: Float64Array<ArrayBuffer>;
  readonly BYTES: readonly Uint8Array[];
}[Type];

/** A numeric tensor; `data` is row-major, of the array that {@link tensorArrays} names for its type. */
export interface NumericTensor {
  readonly name: string;
  readonly type: NumericTensorType;
  readonly shape: readonly number[];
  readonly data: NumericTensorData;
}

/** A tensor of byte strings, row-major. */
export interface BytesTensor {
  readonly name: string;
  readonly type: 'BYTES';
  readonly shape: readonly number[];
  readonly data: readonly Uint8Array[];
}

/** A named tensor. Its data has as many elements as its shape says. */
export type Tensor = NumericTensor | BytesTensor;

/** A tensor that a model takes or gives; a dimension of -1 may have any size. */
export interface TensorSpec {
  readonly name: string;
  readonly type: TensorType;
  readonly shape: readonly number[];
}

/** The tensors of a model. */
export interface TensorSignature {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** Elements of a tensor of this shape. The product may be past the safe integers: check with {@link Number.isSafeInteger}. */
export function elementsOf(shape: readonly number[]): number {
  let elements = 1;
  for (const size of shape) elements *= size;
  return elements;
}

/** Whether a tensor of `shape` is one that `spec` allows. */
export function shapeFits(shape: readonly number[], spec: readonly number[]): boolean {
  if (shape.length !== spec.length) return false;
  return shape.every((size, i) => spec[i] === -1 || spec[i] === size);
}

/** Rows `from` to `to` of a tensor along its first dimension. A numeric part shares the memory of the whole. */
export function rowsOfTensor(tensor: Tensor, from: number, to: number): Tensor {
  const [rows = 1, ...rest] = tensor.shape;
  const width = rows === 0 ? 0 : tensor.data.length / rows;
  const shape = [to - from, ...rest];
  if (tensor.type === 'BYTES') return { ...tensor, shape, data: tensor.data.slice(from * width, to * width) };
  return { ...tensor, shape, data: tensor.data.subarray(from * width, to * width) };
}

/** Joins tensors of one name, type and row shape along their first dimension. */
export function joinRows(tensors: readonly [Tensor, ...Tensor[]]): Tensor {
  const [first] = tensors;
  if (tensors.length === 1) return first;
  const shape = [tensors.reduce((sum, one) => sum + one.shape[0], 0), ...first.shape.slice(1)];
  if (first.type === 'BYTES')
    return { ...first, shape, data: tensors.flatMap((one) => (one.type === 'BYTES' ? one.data : [])) };
  const joined = new tensorArrays[first.type](tensors.reduce((sum, { data }) => sum + data.length, 0));
  let at = 0;
  for (const { data } of tensors) {
    // All are of one type: no view of bytes is made for each.
    Reflect.apply(joined.set, joined, [data, at]);
    at += data.length;
  }
  return { ...first, shape, data: joined };
}
