import { attentionSpeedup } from './priors.ts';
import type { Technique } from './technique.ts';

export const fusedAttention: Technique = {
  name: 'fused-attention',
  title: 'fused attention',
  class: 'gain',
  changesTraining: false,
  precondition: ({ fusedAttention: fused }) =>
    fused === false
      ? { state: 'assumed', by: 'the job says that its attention is not fused' }
      : {
          state: 'failed',
          by: fused === true ? 'attention is fused already' : 'the job does not say that its attention is not fused',
        },
  priors: () => [attentionSpeedup],
  apply: (step, [speedup = 1]) => ({ ...step, memoryS: step.memoryS / speedup }),
  interactions: 'lowers activation memory: recomputation can become needless',
  risk: 'low: the same result up to rounding',
  measurement: '20 steps, passed as --trial fused-attention=FILE',
  change: 'torch.nn.functional.scaled_dot_product_attention in place of explicit products and softmax',
};
