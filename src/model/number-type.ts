import type { NumericTensorType } from '../schema/tensor.ts';

/** Types of the tensors that cells of rows fill. */
export type NumberType = Exclude<NumericTensorType, 'FP16' | 'BF16'>;

/** Types whose elements are bigints. */
export type WideType = Extract<NumberType, 'INT64' | 'UINT64'>;

/** The whole numbers of each type of them: the least and the greatest. */
export const WHOLE_RANGES: Readonly<Record<Exclude<NumberType, 'FP32' | 'FP64'>, readonly [bigint, bigint]>> = {
  BOOL: [0n, 1n],
  UINT8: [0n, 2n ** 8n - 1n],
  UINT16: [0n, 2n ** 16n - 1n],
  UINT32: [0n, 2n ** 32n - 1n],
  UINT64: [0n, 2n ** 64n - 1n],
  INT8: [-(2n ** 7n), 2n ** 7n - 1n],
  INT16: [-(2n ** 15n), 2n ** 15n - 1n],
  INT32: [-(2n ** 31n), 2n ** 31n - 1n],
  INT64: [-(2n ** 63n), 2n ** 63n - 1n],
};

/** Whether rows of features can fill a tensor of a type. */
export function isNumberType(type: string): type is NumberType {
  return isFloatType(type) || Object.hasOwn(WHOLE_RANGES, type);
}

/** Whether a type rounds numbers and has a NaN. */
export function isFloatType(type: string): type is 'FP32' | 'FP64' {
  return type === 'FP32' || type === 'FP64';
}

/** Whether the elements of a type are bigints. */
export function isWideType(type: NumberType): type is WideType {
  return type === 'INT64' || type === 'UINT64';
}

/** Greatest whole number up to which each is a double, 2^53. */
export const EXACT_END = 2 ** 53;
