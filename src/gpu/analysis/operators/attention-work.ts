import type { WorkModel } from './operator-work.ts';
import type { Tensor } from './tensor-inputs.ts';
import { bytesOf, tensorAt } from './tensors.ts';

interface Layout {
  /** Where query, key and value are among the arguments. */
  readonly first: number;
  /** Whether dims are [batch, heads, length, width]; else [batch, length, heads, width]. */
  readonly headsFirst: boolean;
  /** Which argument tells whether attention is causal, and of which value. */
  readonly causal: number;
  readonly causalIf?: string;
  readonly backward?: boolean;
}

const operators: Readonly<Record<string, Layout>> = {
  'aten::scaled_dot_product_attention': { first: 0, headsFirst: true, causal: 5 },
  'aten::_scaled_dot_product_flash_attention': { first: 0, headsFirst: true, causal: 4 },
  'aten::_scaled_dot_product_efficient_attention': { first: 0, headsFirst: true, causal: 6 },
  'aten::_scaled_dot_product_cudnn_attention': { first: 0, headsFirst: true, causal: 6 },
  'aten::_flash_attention_forward': { first: 0, headsFirst: false, causal: 8 },
  'aten::_efficient_attention_forward': { first: 0, headsFirst: false, causal: 9, causalIf: '1' },
  'flash_attn::_flash_attn_forward': { first: 0, headsFirst: false, causal: 5 },
  'aten::_scaled_dot_product_flash_attention_backward': { first: 1, headsFirst: true, causal: 11, backward: true },
  'aten::_scaled_dot_product_efficient_attention_backward': { first: 1, headsFirst: true, causal: 11, backward: true },
  'aten::_flash_attention_backward': { first: 1, headsFirst: false, causal: 11, backward: true },
};

/** A backward pass has five products where the forward pass has two (FlashAttention, Dao et al. 2022, computes one again). */
const BACKWARD = 2.5;

/**
 * Attention: 2·batch·heads·Lq·Lk·(D + Dv), half of it if causal; query, key, value and output once (backward: these, the
 * gradient of the output, and three gradients).
 */
export const attentionWork: WorkModel = (name, given) => {
  const layout = operators[name];
  if (layout === undefined) return undefined;
  const [q, k, v] = [0, 1, 2].map((index) => tensorAt(given, layout.first + index));
  if (q === undefined || k === undefined || v === undefined) return undefined;
  const query = sizeOf(q, layout.headsFirst);
  const key = sizeOf(k, layout.headsFirst);
  const value = sizeOf(v, layout.headsFirst);
  if (query === undefined || key === undefined || value === undefined) return undefined;
  const causal = given.values[layout.causal] === (layout.causalIf ?? 'True');
  const pairs = query.batch * query.heads * query.length * key.length * (causal ? 0.5 : 1);
  const output = query.batch * query.heads * query.length * value.width * q.elementBytes;
  const once = bytesOf(q) + bytesOf(k) + bytesOf(v);
  return {
    category: 'attention',
    flops: 2 * pairs * (query.width + value.width) * (layout.backward === true ? BACKWARD : 1),
    bytes: layout.backward === true ? 2 * once + 2 * output : once + output,
    type: q.type,
  };
};

function sizeOf({ dims }: Tensor, headsFirst: boolean) {
  const [batch, second, third, width] = dims;
  if (dims.length !== 4 || batch === undefined || second === undefined || third === undefined || width === undefined)
    return undefined;
  return headsFirst ? { batch, heads: second, length: third, width } : { batch, heads: third, length: second, width };
}
