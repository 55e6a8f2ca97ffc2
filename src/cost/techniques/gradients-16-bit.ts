import { stepTimes } from '../plan/step-model.ts';
import { share, type Technique } from './technique.ts';

export const gradients16Bit: Technique = {
  name: 'gradients-16-bit',
  title: 'gradients reduced in 16 bits',
  class: 'gain',
  changesTraining: false,
  precondition: ({ step, gradients16Bit: already }) => {
    if (already) return { state: 'failed', by: 'the job says that its gradients are in 16 bits' };
    const { exposedS, stepS } = stepTimes(step);
    const by = `exposed communication is ${share(exposedS / stepS)} of the step`;
    return exposedS < 0.02 * stepS ? { state: 'failed', by } : { state: 'verified', by };
  },
  priors: () => [
    {
      name: 'speed-up of the all-reduce by half its bytes',
      p10: 1.6,
      p50: 1.9,
      p90: 2,
      source: 'ring all-reduce, 2(n − 1)α + 2(n − 1)/n · S/B (nccl-tests): half of S, and the latency stays',
      kind: 'assumption',
    },
  ],
  apply: (step, [speedup = 1]) => ({ ...step, allReduceS: step.allReduceS / Math.max(1, Math.min(2, speedup)) }),
  interactions: 'autocast alone keeps gradients in FP32; what is hidden already gains nothing',
  risk: 'sums of gradients are rounded: BF16 keeps their range; compare the loss of a short run',
  measurement: '20 steps with the hook, and the loss of 500',
  change:
    'ddp.register_comm_hook(None, default_hooks.bf16_compress_hook); FSDP MixedPrecision(reduce_dtype=torch.bfloat16)',
};
