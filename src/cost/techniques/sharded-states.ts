import { memoryShare } from '../plan/memory-model.ts';
import { batchEfficiency } from './priors.ts';
import { share, type Technique } from './technique.ts';

const BATCH_TIMES = 2;

/** Sharding as an enabler: it makes room for a micro-batch twice as large, at the price of its communication. */
function sharding(
  stage: 2 | 3,
  traffic: number,
  own: Pick<Technique, 'name' | 'title' | 'interactions' | 'change' | 'measurement'>,
): Technique {
  return {
    class: 'enabler',
    changesTraining: false,
    oneOf: 'larger micro-batch',
    precondition: ({ memory, step }) => {
      if (memory === null)
        return {
          state: 'failed',
          by: 'parameters or peak memory are not known: state parameters, record profile_memory=True',
        };
      if (step.gpus < 2) return { state: 'failed', by: 'there is one GPU: nothing to divide by' };
      if (memory.model.stage >= stage)
        return { state: 'failed', by: `the job divides its states already (stage ${memory.model.stage})` };
      if (step.accumulation < BATCH_TIMES)
        return { state: 'failed', by: 'there are no micro-steps to merge: a larger batch would change training' };
      if (memoryShare(memory, { activations: BATCH_TIMES }) <= 1)
        return { state: 'failed', by: 'a micro-batch twice as large fits without it' };
      const after = memoryShare(memory, { stage, activations: BATCH_TIMES });
      const by = `twice the micro-batch would take ${share(after)} of the memory, with states over ${step.gpus} GPUs`;
      return after > 1 ? { state: 'failed', by } : { state: 'verified', by };
    },
    priors: () => [batchEfficiency],
    apply: (step, [efficiency = 1]) => ({
      ...step,
      tensorS: (step.tensorS * BATCH_TIMES) / efficiency,
      memoryS: (step.memoryS * BATCH_TIMES) / efficiency,
      otherS: (step.otherS * BATCH_TIMES) / efficiency,
      loaderS: step.loaderS * BATCH_TIMES,
      copyS: step.copyS * BATCH_TIMES,
      lateS: step.lateS * BATCH_TIMES,
      allReduceS: step.allReduceS * traffic,
      microBatch: step.microBatch * BATCH_TIMES,
      accumulation: step.accumulation / BATCH_TIMES,
    }),
    risk: 'none for quality',
    ...own,
  };
}

/** ZeRO-2 sends as much as an all-reduce; ZeRO-3 and FSDP send half as much again (Rajbhandari et al., SC 2020, section 7). */
export const shardedStates: readonly Technique[] = [
  sharding(2, 1, {
    name: 'zero-2',
    title: `ZeRO-2 for a micro-batch ${BATCH_TIMES} times as large`,
    interactions: 'excludes the other ways to make room for the same micro-batch',
    measurement: '20 steps with sharded states and the larger micro-batch; their peak memory',
    change: 'DeepSpeed zero_optimization.stage 2, or FSDP SHARD_GRAD_OP; half the accumulation',
  }),
  sharding(3, 1.5, {
    name: 'fsdp',
    title: `FSDP (ZeRO-3) for a micro-batch ${BATCH_TIMES} times as large`,
    interactions: 'excludes the other ways to make room; parameters are gathered in each pass',
    measurement: '20 steps with FSDP and the larger micro-batch; its peak memory',
    change: 'torch.distributed.fsdp.fully_shard for each block; half the accumulation',
  }),
];
