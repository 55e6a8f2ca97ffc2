import { stepTimes } from '../plan/step-model.ts';
import { loaderSpeedup } from './priors.ts';
import { share, type Technique } from './technique.ts';

export const dataPipeline: Technique = {
  name: 'data-pipeline',
  title: 'a faster data pipeline',
  class: 'gain',
  changesTraining: false,
  precondition: ({ step, loaderMeasured }) => {
    const { stallS, stepS } = stepTimes(step);
    const headroom = (step.accumulation * step.loaderS) / stepS;
    if (!loaderMeasured)
      return { state: 'assumed', by: 'the loader was not measured by itself: run headrace cost profile' };
    if (stallS > 0)
      return { state: 'verified', by: `the GPU waits ${share(stallS / stepS)} of the step for the loader` };
    return headroom < 0.5
      ? { state: 'failed', by: `no stall: the loader takes ${share(headroom)} of the step` }
      : {
          state: 'verified',
          by: `no stall now, but the loader takes ${share(headroom)} of the step: it bounds other gains`,
        };
  },
  priors: () => [loaderSpeedup],
  apply: (step, [speedup = 1]) => ({ ...step, loaderS: step.loaderS / speedup }),
  interactions: 'multiplies the value of everything that makes the GPU faster, while the loader is the bound',
  risk: 'none for quality, if the order and the augmentation stay',
  measurement: 'the loader alone, over a cached part: headrace cost profile',
  change: 'more workers, pin_memory, prefetch_factor, decoded or resized copies, a faster decoder',
};
