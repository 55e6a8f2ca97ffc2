import type { ModelParameter, ParameterType } from '../../ports/model-runtime.ts';
import type { TensorSpec } from '../../schema/tensor.ts';
import { isTensorType } from './frame.ts';

const PARAMETER_TYPES: readonly ParameterType[] = [
  ...(['boolean', 'integer', 'long', 'float', 'double', 'string', 'datetime', 'json'] as const),
];

/** Parameters of the description that a worker sends; left out: none. Throws for anything else. */
export function parametersOf(value: unknown = []): readonly ModelParameter[] {
  if (!Array.isArray(value)) throw new RangeError('a description of parameters that is no list');
  return value.map((one: unknown): ModelParameter => {
    const { name, type, isList, default: usual }: Record<string, unknown> = Object(one);
    const known = PARAMETER_TYPES.find((each) => each === type);
    if (typeof name !== 'string' || known === undefined || typeof isList !== 'boolean')
      throw new RangeError('a description of a parameter without name or type');
    return { name, type: known, isList, default: usual ?? null };
  });
}

/** Tensors of the description that a worker sends. Throws for anything else. */
export function specsOf(value: unknown): readonly TensorSpec[] {
  if (!Array.isArray(value) || value.length === 0) throw new RangeError('a description without tensors');
  return value.map((one: unknown): TensorSpec => {
    const { name, type, shape }: Record<string, unknown> = Object(one);
    const sizes =
      Array.isArray(shape) && shape.every((size: unknown) => Number.isSafeInteger(size) && Number(size) >= -1);
    if (typeof name !== 'string' || !isTensorType(type) || !sizes)
      throw new RangeError('a description of a tensor without name, type or shape');
    return { name, type, shape };
  });
}
