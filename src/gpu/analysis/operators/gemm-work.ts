import type { OperatorWork, WorkModel } from './operator-work.ts';
import type { Tensor } from './tensor-inputs.ts';
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
export const gemmWork: WorkModel = (name, given) => {
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
