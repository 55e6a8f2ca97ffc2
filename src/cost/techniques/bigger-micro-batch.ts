import { memoryShare } from '../plan/memory-model.ts';
import { batchEfficiency } from './priors.ts';
import { share, type Technique } from './technique.ts';

const TIMES = 2;
const ROOM = 0.45;

export const biggerMicroBatch: Technique = {
  name: 'bigger-micro-batch',
  title: 'a micro-batch twice as large, with half the accumulation',
  class: 'gain',
  changesTraining: false,
  oneOf: 'larger micro-batch',
  precondition: ({ peakMemoryShare, step, memory }) => {
    if (step.accumulation < TIMES || step.accumulation % TIMES !== 0)
      return {
        state: 'failed',
        by: `${step.accumulation} micro-steps cannot be halved: the global batch would change`,
      };
    if (peakMemoryShare === null) return { state: 'failed', by: 'the profile has no peak memory: profile_memory=True' };
    const after = memory === null ? null : memoryShare(memory, { activations: TIMES });
    if (after !== null && after > 1)
      return { state: 'failed', by: `twice the micro-batch would take ${share(after)} of the memory` };
    return after === null && peakMemoryShare > ROOM
      ? { state: 'failed', by: `${share(peakMemoryShare)} of the memory is used` }
      : {
          state: 'verified',
          by: `${share(peakMemoryShare)} of the memory is used, and ${step.accumulation} micro-steps can be halved`,
        };
  },
  priors: () => [batchEfficiency],
  apply: (step, [efficiency = 1]) => ({
    ...step,
    tensorS: (step.tensorS * TIMES) / efficiency,
    memoryS: (step.memoryS * TIMES) / efficiency,
    otherS: (step.otherS * TIMES) / efficiency,
    loaderS: step.loaderS * TIMES,
    copyS: step.copyS * TIMES,
    lateS: step.lateS * TIMES,
    microBatch: step.microBatch * TIMES,
    accumulation: step.accumulation / TIMES,
  }),
  interactions: 'excludes activation checkpointing, which is for full memory; halves the gaps per sample',
  risk: 'batch statistics of normalisation layers change',
  measurement: '20 steps with the larger micro-batch',
  change: 'twice the batch size of the loader, half the accumulation steps',
};
