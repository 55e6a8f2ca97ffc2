import { type StepFacts, stepTimes } from '../plan/step-model.ts';
import { loaderSpeedup, workersHide, workersSpeedup } from './priors.ts';
import { share, type Technique } from './technique.ts';

/** Below this share of its time at the same time as the GPU, a loader is in turn with it: it has no workers, or they are late. */
const IN_TURN_BELOW = 0.5;

export const dataPipeline: Technique = {
  name: 'data-pipeline',
  title: 'a faster data pipeline',
  class: 'gain',
  changesTraining: false,
  precondition: ({ step, loaderMeasured, otherLoader }) => {
    const { stallS, stepS } = stepTimes(step);
    const headroom = (step.accumulation * step.loaderS) / stepS;
    if (stallS > 0 && isInTurn(step)) {
      const by = `the loader is in turn with the GPU, which waits ${share(stallS / stepS)} of the step: workers come first`;
      return { state: 'verified', by };
    }
    if (!loaderMeasured)
      return {
        state: 'assumed',
        by: `the loader was not measured by itself${otherLoader === null ? '' : ', and the trace does not say whether it is in turn with the GPU'}: run headrace cost profile`,
      };
    if (stallS > 0)
      return { state: 'verified', by: `the GPU waits ${share(stallS / stepS)} of the step for the loader` };
    return headroom < 0.5
      ? { state: 'failed', by: `no stall: the loader takes ${share(headroom)} of the step` }
      : {
          state: 'verified',
          by: `no stall now, but the loader takes ${share(headroom)} of the step: it bounds other gains`,
        };
  },
  priors: ({ step }) => (isInTurn(step) ? [workersSpeedup, workersHide] : [loaderSpeedup]),
  // The second value is there for a loader in turn alone: workers prepare the next batch while the GPU computes.
  apply: (step, [speedup = 1, hidden = 0]) => ({
    ...step,
    loaderS: step.loaderS / Math.max(1, speedup),
    loaderOverlap: step.loaderOverlap + (1 - step.loaderOverlap) * Math.min(1, hidden),
  }),
  interactions: 'multiplies the value of everything that makes the GPU faster, while the loader is the bound',
  risk: 'none for quality, if the order and the augmentation stay',
  measurement: 'the loader alone, over a cached part: headrace cost profile',
  change: 'num_workers=4, persistent_workers, pin_memory, prefetch_factor; decoded or resized copies, a faster decoder',
};

/** Whether a loader works while the GPU waits, and the GPU while the loader waits. */
function isInTurn({ loaderOverlap, loaderS }: StepFacts): boolean {
  return loaderS > 0 && loaderOverlap < IN_TURN_BELOW;
}
