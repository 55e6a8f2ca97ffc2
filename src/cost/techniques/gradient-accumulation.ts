import { stepTimes } from '../plan/step-model.ts';
import { share, type Technique } from './technique.ts';

/** How many more micro-steps share an all-reduce and an optimiser step. */
const TIMES = 4;

export const gradientAccumulation: Technique = {
  name: 'gradient-accumulation',
  title: `gradient accumulation (${TIMES} times as many micro-steps)`,
  class: 'gain',
  changesTraining: true,
  precondition: ({ step }) => {
    const { exposedS, stepS } = stepTimes(step);
    const once = (exposedS + step.optimizerS) / stepS;
    return once < 0.02
      ? { state: 'failed', by: `exposed all-reduce and optimiser are ${share(once)} of the step` }
      : { state: 'verified', by: `exposed all-reduce and optimiser are ${share(once)} of the step` };
  },
  priors: () => [],
  apply: (step) => ({ ...step, accumulation: step.accumulation * TIMES }),
  interactions: 'spreads all-reduce and optimiser; the global batch grows unless the micro-batch shrinks',
  risk: 'the global batch changes: compare cost to target quality',
  measurement: '5 steps with the new k and the loss curve of a short run',
  change: 'no_sync() for all but the last micro-step, and one optimiser step',
};
