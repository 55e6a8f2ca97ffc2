import { stepTimes } from '../plan/step-model.ts';
import { share, type Technique } from './technique.ts';

export const gradientOverlap: Technique = {
  name: 'gradient-overlap',
  title: 'buckets that hide the all-reduce behind the backward pass',
  class: 'gain',
  changesTraining: false,
  precondition: ({ step }) => {
    const { exposedS, stepS } = stepTimes(step);
    if (exposedS < 0.02 * stepS)
      return { state: 'failed', by: `exposed communication is ${share(exposedS / stepS)} of the step` };
    return {
      state: 'verified',
      by: `exposed communication is ${share(exposedS / stepS)} of the step, with ${share(step.overlap)} of the backward pass used to hide it`,
    };
  },
  priors: () => [
    {
      name: 'share of the backward pass that hides communication',
      p10: 0.5,
      p50: 0.7,
      p90: 0.9,
      source:
        'no measured rows: the first bucket waits for the last layers, and the last bucket has nothing to hide behind',
      kind: 'assumption',
    },
  ],
  apply: (step, [overlap = 0]) => ({ ...step, overlap: Math.max(step.overlap, Math.min(1, overlap)) }),
  interactions: 'shorter kernels hide less; gradients in 16 bits leave less to hide',
  risk: 'none for quality; buckets take memory',
  measurement: '20 steps with bucket_cap_mb of 10, 25 and 100',
  change: 'DDP bucket_cap_mb and gradient_as_bucket_view; FSDP backward_prefetch and forward_prefetch',
};
