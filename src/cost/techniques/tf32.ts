import { cardOf } from './cards.ts';
import { tf32Speedup } from './priors.ts';
import { share, type Technique } from './technique.ts';

export const tf32: Technique = {
  name: 'tf32',
  title: 'TF32 products (one line)',
  class: 'gain',
  changesTraining: false,
  alters: ['precision'],
  precondition: ({ precision, accelerator, step, kernelsKnown }) => {
    const card = cardOf(accelerator);
    if (card === null) return { state: 'failed', by: `the units of ${accelerator} are not known: measure a trial` };
    if (!card.tf32) return { state: 'failed', by: `${card.chip} has no TF32 units` };
    if (precision === null) return { state: 'failed', by: 'the profile does not show the precision: record shapes' };
    if (precision !== 'fp32') return { state: 'failed', by: `the job computes in ${precision} already` };
    const part = share(step.tensorS / (step.tensorS + step.memoryS + step.otherS));
    return kernelsKnown
      ? { state: 'verified', by: `fp32 products on ${card.chip} are ${part} of kernel time` }
      : { state: 'assumed', by: 'fp32 now; kernels are not divided into classes' };
  },
  priors: () => [tf32Speedup],
  apply: (step, [speedup = 1]) => ({ ...step, tensorS: step.tensorS / speedup }),
  interactions: 'comes before mixed precision, whose rows begin at TF32',
  risk: 'low: products have 10 bits of mantissa, sums stay in FP32',
  measurement: '20 steps with the line, passed as --trial tf32=FILE',
  change: 'torch.set_float32_matmul_precision("high")',
};
