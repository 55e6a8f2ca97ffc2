import { memoryShare } from '../plan/memory-model.ts';
import { batchEfficiency } from './priors.ts';
import { share, type Technique } from './technique.ts';

const BATCH_TIMES = 2;
const TIGHT = 0.8;

/** Full recomputation, which alone costs one more forward pass, to make room for a larger micro-batch. */
export const activationCheckpointing: Technique = {
  name: 'activation-checkpointing',
  title: `activation checkpointing for a micro-batch ${BATCH_TIMES} times as large`,
  class: 'enabler',
  changesTraining: false,
  oneOf: 'larger micro-batch',
  precondition: ({ peakMemoryShare, step, memory }) => {
    if (peakMemoryShare === null) return { state: 'failed', by: 'the profile has no peak memory: profile_memory=True' };
    if (peakMemoryShare < TIGHT)
      return { state: 'failed', by: `${share(peakMemoryShare)} of the memory is used: there is room without it` };
    if (step.accumulation < BATCH_TIMES)
      return { state: 'failed', by: 'there are no micro-steps to merge: a larger batch would change training' };
    const after = memory === null ? null : memoryShare(memory, { activations: BATCH_TIMES * memory.recomputedShare });
    if (after !== null && after > 1)
      return { state: 'failed', by: `twice the micro-batch would take ${share(after)} of the memory` };
    return {
      state: after === null ? 'assumed' : 'verified',
      by: `${after === null ? 'parameters are not known, so that its memory is not computed; ' : `twice the micro-batch would take ${share(after)} of the memory; `}${share(peakMemoryShare)} of the memory is used, and ${step.accumulation} micro-steps can be merged`,
    };
  },
  priors: () => [batchEfficiency],
  apply: (step, [efficiency = 1]) => recomputed(step, BATCH_TIMES, efficiency, BATCH_TIMES),
  interactions: 'needless with fused attention or 16-bit activations, if they fit',
  risk: 'none for quality; each step computes a third more',
  measurement: '20 steps with checkpointing and the larger micro-batch',
  change: 'torch.utils.checkpoint around each block, twice the micro-batch, half the accumulation',
};

/**
 * One more forward pass: kernels times 1 + f with f = 1 − backward share, and the backward share (b + f) / (1 + f); before
 * that, a micro-batch `times` as large at an efficiency.
 */
export function recomputed(
  step: Parameters<Technique['apply']>[0],
  times: number,
  efficiency: number,
  fewerMicroSteps = 1,
): ReturnType<Technique['apply']> {
  const forward = 1 - step.backwardShare;
  const factor = (times / efficiency) * (1 + forward);
  return {
    ...step,
    tensorS: step.tensorS * factor,
    memoryS: step.memoryS * factor,
    otherS: step.otherS * factor,
    loaderS: step.loaderS * times,
    copyS: step.copyS * times,
    lateS: step.lateS * times,
    backwardShare: (step.backwardShare + forward) / (1 + forward),
    microBatch: step.microBatch * times,
    accumulation: step.accumulation / fewerMicroSteps,
  };
}
