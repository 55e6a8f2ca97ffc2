import { attentionWork } from './attention-work.ts';
import { convolutionWork } from './convolution-work.ts';
import { elementwiseWork, fusedWork, normWork, reductionWork } from './elementwise-work.ts';
import { gemmWork } from './gemm-work.ts';
import type { OperatorArguments } from './tensor-inputs.ts';

export type OperatorCategory = 'gemm' | 'attention' | 'convolution' | 'elementwise' | 'reduction' | 'norm' | 'fused';

/** The work of one call of an operator, by its shapes. */
export interface OperatorWork {
  readonly category: OperatorCategory;
  /** Floating-point operations, a multiply-add counting two; NaN where the shapes do not tell. */
  readonly flops: number;
  /** Bytes that must be read and written at least, each tensor once; NaN where the shapes do not tell. */
  readonly bytes: number;
  /** The type of the computation: `bfloat16`, `float`. */
  readonly type: string;
}

/** A model of some operators; undefined of any other, and where the shapes do not tell. */
export type WorkModel = (name: string, given: OperatorArguments) => OperatorWork | undefined;

const models: readonly WorkModel[] = [
  gemmWork,
  attentionWork,
  convolutionWork,
  normWork,
  reductionWork,
  elementwiseWork,
  fusedWork,
];

/** The work of a call, by the name of the operator and its inputs; undefined if no model knows it. */
export const operatorWork: WorkModel = (name, given) => {
  for (const model of models) {
    const work = model(name, given);
    if (work !== undefined) return work;
  }
  return undefined;
};
