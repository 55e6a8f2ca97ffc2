import { attentionWork } from './attention-work.ts';
import { convolutionWork } from './convolution-work.ts';
import { elementwiseWork, fusedWork, normWork, reductionWork } from './elementwise-work.ts';
import type { OperatorArguments, Tensor } from './tensor-inputs.ts';
import { bytesOf, tensorAt } from './tensors.ts';

/** Where the factors and the addend are among the arguments. */
const operators: Readonly<Record<string, { readonly a: number; readonly b: number; readonly c?: number }>> = {
  'aten::mm': { a: 0, b: 1 },
  'aten::bmm': { a: 0, b: 1 },
  'aten::mv': { a: 0, b: 1 },
  'aten::_scaled_mm': { a: 0, b: 1 },
  'aten::_int_mm': { a: 0, b: 1 },
  'aten::addmm': { a: 1, b: 2, c: 0 },
  'aten::_addmm_activation': { a: 1, b: 2, c: 0 },
  'aten::baddbmm': { a: 1, b: 2, c: 0 },
  'aten::addmv': { a: 1, b: 2, c: 0 },
};

/** Matrix products, also of batches and with an addend: 2·batch·M·N·K; each matrix is read or written once. */
const gemmWork: WorkModel = (name, given) => {
  const where = operators[name];
  if (where === undefined) return undefined;
  const a = tensorAt(given, where.a);
  const b = tensorAt(given, where.b);
  const size = a === undefined || b === undefined ? undefined : productSize(a, b);
  if (a === undefined || b === undefined || size === undefined) return undefined;
  // Of 8-bit factors the product has 16 bits.
  const outBytes = Math.max(a.elementBytes, name === 'aten::_scaled_mm' ? 2 : 0);
  const addend = where.c === undefined ? 0 : bytesOf(tensorAt(given, where.c));
  return {
    category: 'gemm',
    flops: 2 * size.outputs * size.k,
    bytes: bytesOf(a) + bytesOf(b) + size.outputs * outBytes + addend,
    type: a.type,
  } satisfies OperatorWork;
};

/** [batch,] M×K by [batch,] K×N, or by a vector of K. */
function productSize(a: Tensor, b: Tensor): { readonly outputs: number; readonly k: number } | undefined {
  const rank = a.dims.length;
  const k = a.dims[rank - 1];
  if (rank < 2 || rank > 3 || k === undefined) return undefined;
  if (b.dims.length === 1) return b.dims[0] === k ? { outputs: a.elements / Math.max(k, 1), k } : undefined;
  if (b.dims.length !== rank || b.dims[rank - 2] !== k || (rank === 3 && a.dims[0] !== b.dims[0])) return undefined;
  return { outputs: (a.elements / Math.max(k, 1)) * (b.dims[rank - 1] ?? 0), k };
}

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
