import type { OperatorArguments, Tensor } from './tensor-inputs.ts';

/** The argument at an index, if it is a tensor. */
export function tensorAt({ tensors }: OperatorArguments, index: number): Tensor | undefined {
  const one = tensors[index];
  return one === undefined || Array.isArray(one) ? undefined : (one as Tensor);
}

/** The bytes of a tensor, repeated elements once; 0 without one. */
export function bytesOf(tensor: Tensor | undefined): number {
  return tensor === undefined ? 0 : tensor.stored * tensor.elementBytes;
}
