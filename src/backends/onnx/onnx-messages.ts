import type { PackedTensor } from '../../schema/pack-tensor.ts';
import type { TensorSignature } from '../../schema/tensor.ts';

/** Requests to the thread of a model. It has one model, whose file it gets when it starts. */
export interface RunMessage {
  readonly id: number;
  readonly inputs: readonly PackedTensor[];
  readonly outputs: readonly string[] | null;
}

/** A failure by its code, with the reason as its fact. */
export interface Failure {
  readonly code: string;
  readonly reason: string;
}

export type FromModelThread =
  | { readonly kind: 'loaded'; readonly signature: TensorSignature }
  | { readonly kind: 'refused'; readonly failure: Failure }
  | { readonly kind: 'ran'; readonly id: number; readonly outputs: readonly PackedTensor[] }
  | { readonly kind: 'failed'; readonly id: number; readonly failure: Failure };
