import { isUtf8 } from 'node:buffer';
import type { Tensor as OnnxTensor, TypedTensor } from 'onnxruntime-node';
import { fail } from '../../base/errors/fail.ts';
import {
  type NumericTensorData,
  type NumericTensorType,
  type Tensor,
  type TensorType,
  tensorArrays,
} from '../../schema/tensor.ts';

/** Names of element types of ONNX Runtime. BF16 is absent: its Node binding refuses it on loading. */
const ONNX_TYPES = {
  BOOL: 'bool',
  UINT8: 'uint8',
  UINT16: 'uint16',
  UINT32: 'uint32',
  UINT64: 'uint64',
  INT8: 'int8',
  INT16: 'int16',
  INT32: 'int32',
  INT64: 'int64',
  FP16: 'float16',
  FP32: 'float32',
  FP64: 'float64',
  BYTES: 'string',
} as const;

const TYPES = new Map<string, TensorType>(
  Object.entries(ONNX_TYPES).map(([type, onnx]) => [onnx, type as keyof typeof ONNX_TYPES]),
);

type TensorClass = typeof OnnxTensor;

/** The type of a tensor of ONNX Runtime; null where no tensor of the protocol holds it. */
export function tensorTypeOf(onnx: string): TensorType | null {
  return TYPES.get(onnx) ?? null;
}

/** A tensor as ONNX Runtime takes it. Error: MODEL_TENSOR, for a type or text that it cannot hold. */
export function toOnnx(tensor: Tensor, Onnx: TensorClass): OnnxTensor {
  const { name, type, shape, data } = tensor;
  if (type === 'BF16')
    throw fail('MODEL_TENSOR', { reason: `input '${name}' is BF16, which ONNX Runtime does not take` });
  if (type === 'BYTES')
    return new Onnx(
      'string',
      data.map((bytes) => textOf(name, bytes)),
      shape,
    );
  if (type === 'FP16') return halfFloats(data as Uint16Array<ArrayBuffer>, shape, Onnx);
  return Reflect.construct(Onnx, [ONNX_TYPES[type], data, shape]) as OnnxTensor;
}

/** A result of ONNX Runtime as a tensor; FP16 as its bits. */
export function fromOnnx(name: string, { type, dims, data }: OnnxTensor): Tensor {
  const known = tensorTypeOf(type);
  if (known === null) throw fail('MODEL_FILE', { reason: `its output '${name}' is ${type}, which no tensor holds` });
  if (known === 'BYTES')
    return { name, type: known, shape: dims, data: (data as readonly string[]).map((text) => Buffer.from(text)) };
  return { name, type: known, shape: dims, data: bitsOf(known, data as ArrayBufferView<ArrayBuffer>) };
}

/** Results may be of another array of the same width: Float16Array in place of its bits. */
function bitsOf(type: NumericTensorType, data: ArrayBufferView<ArrayBuffer>): NumericTensorData {
  const Elements = tensorArrays[type];
  return new Elements(data.buffer, data.byteOffset, data.byteLength / Elements.BYTES_PER_ELEMENT);
}

/**
 * The package turns every float16 array into a Float16Array where the engine has that class, and its binding reads the
 * length of one as 0. So the bits are put in place afterwards.
 */
function halfFloats(bits: Uint16Array<ArrayBuffer>, shape: readonly number[], Onnx: TensorClass): OnnxTensor {
  const tensor: TypedTensor<'float16'> = new Onnx('float16', bits, shape);
  return Object.assign(tensor, { cpuData: bits });
}

/** ONNX Runtime holds texts of UTF-8 and cuts them at NUL. */
function textOf(name: string, bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw fail('MODEL_TENSOR', { reason: `input '${name}' has an element that is not UTF-8` });
  if (bytes.includes(0)) throw fail('MODEL_TENSOR', { reason: `input '${name}' has an element with a NUL byte` });
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
