import { cardOf } from './cards.ts';
import { fp8Speedup } from './priors.ts';
import type { Technique } from './technique.ts';

export const fp8: Technique = {
  name: 'fp8',
  title: 'FP8 products with scaling',
  class: 'gain',
  changesTraining: true,
  alters: ['precision'],
  precondition: ({ precision, accelerator, memory }) => {
    const card = cardOf(accelerator);
    if (card === null || !card.fp8)
      return { state: 'failed', by: `${card?.chip ?? accelerator} has no FP8 units that are known here` };
    if (precision === 'fp8') return { state: 'failed', by: 'the job computes in fp8 already' };
    if (precision !== 'bf16' && precision !== 'fp16')
      return { state: 'failed', by: `the job computes in ${precision ?? 'an unknown precision'}: 16 bits come first` };
    return memory?.isTransformer === true
      ? {
          state: 'assumed',
          by: `${precision} now, on ${card.chip}; whether its products are large enough is not known`,
        }
      : { state: 'failed', by: 'the job names no transformer: published gains are of their linear layers' };
  },
  priors: () => [fp8Speedup],
  apply: (step, [speedup = 1]) => ({
    ...step,
    tensorS: step.tensorS / Math.max(1, speedup),
    memoryS: step.memoryS / Math.max(1, speedup),
  }),
  interactions: 'needs compilation; the all-gather of FSDP can be in FP8 as well',
  risk: 'the loss can differ: compare a short run; small products become slower (pytorch/ao#1297: half the speed)',
  measurement: '20 steps, passed as --trial fp8=FILE',
  change: 'torchao.float8.convert_to_float8_training(model), or Transformer Engine',
};
