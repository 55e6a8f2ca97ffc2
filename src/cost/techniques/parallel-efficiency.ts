import { stepTimes } from '../plan/step-model.ts';
import { share, type Technique } from './technique.ts';

export const parallelEfficiency: Technique = {
  name: 'parallel-efficiency',
  title: 'half the GPUs with twice the accumulation',
  class: 'gain',
  changesTraining: false,
  alters: ['worldSize'],
  precondition: ({ step, deadlineRatio }) => {
    const { exposedS, stepS } = stepTimes(step);
    const once = (exposedS + step.optimizerS) / stepS;
    if (step.gpus < 2 || step.gpus % 2 !== 0) return { state: 'failed', by: `${step.gpus} GPUs cannot be halved` };
    if (deadlineRatio < 2)
      return { state: 'failed', by: `the deadline leaves ${deadlineRatio.toFixed(1)} times the time of now` };
    return once < 0.02
      ? { state: 'failed', by: `communication and optimiser are ${share(once)} of the step` }
      : {
          state: 'verified',
          by: `communication and optimiser are ${share(once)} of the step, and the deadline allows twice the time`,
        };
  },
  priors: () => [],
  // A ring all-reduce sends 2·(n − 1)/n of the bytes.
  apply: (step) => ({
    ...step,
    gpus: step.gpus / 2,
    accumulation: step.accumulation * 2,
    allReduceS:
      step.gpus <= 2 ? 0 : step.allReduceS * ((step.gpus / 2 - 1) / (step.gpus / 2)) * (step.gpus / (step.gpus - 1)),
  }),
  interactions: 'the same global batch, about twice the time; less left for spot to wait',
  risk: 'none for quality: each step has the same samples',
  measurement: '20 steps on half of the nodes',
  change: 'half the nodes, twice the accumulation steps',
};
