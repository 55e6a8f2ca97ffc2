import { type StepFacts, stepTimes } from '../plan/step-model.ts';
import { type JobFacts, type Prior, share, type Technique } from './technique.ts';

/** A wait of a step that a diagnosis found, and that one change can take away. */
type Wait = 'syncS' | 'copyS' | 'saveS' | 'lateS';

/** Below this share of the step a wait is no lever. */
const LEAST = 0.01;

/** The part of a wait that a change takes away: at most the whole, which is the ceiling of the finding. */
function partThatGoes({ findings }: JobFacts, lever: string): Prior {
  const ids = findings.filter((one) => one.lever === lever).map(({ id }) => id);
  return {
    name: 'share of the wait that goes',
    p10: 0.1,
    p50: 0.5,
    p90: 1,
    source: `the diagnosis (${ids.join(', ') || 'no finding'}): its ceiling; no comparable measurement below it`,
    kind: 'upper bound',
  };
}

function lever(
  wait: Wait,
  what: string,
  own: Pick<Technique, 'name' | 'title' | 'interactions' | 'risk' | 'measurement' | 'change'>,
): Technique {
  return {
    class: 'gain',
    changesTraining: false,
    precondition: ({ step, kernelsKnown, traced }) => {
      if (!traced && !kernelsKnown) return { state: 'failed', by: 'no trace: waits of a step are not divided' };
      const part = (step.accumulation * step[wait]) / stepTimes(step).stepS;
      return part < LEAST
        ? { state: 'failed', by: `the diagnosis found no ${what}` }
        : { state: 'verified', by: `${what} are ${share(part)} of the step` };
    },
    priors: (facts) => [partThatGoes(facts, own.name)],
    apply: (step, [goes = 0]): StepFacts => ({ ...step, [wait]: step[wait] * Math.max(0, 1 - goes) }),
    ...own,
  };
}

/** One lever for each wait that a diagnosis can find. */
export const waits: readonly Technique[] = [
  lever('syncS', 'waits of the host for the GPU', {
    name: 'hidden-sync',
    title: 'no synchronising calls in the step',
    interactions: 'worth more when kernels are shorter; compilation cannot cross such a call',
    risk: 'none for quality: values are read later',
    measurement: '20 steps without the call that the diagnosis names',
    change: 'keep running values on the GPU; torch.where in place of comparisons in Python',
  }),
  lever('copyS', 'copies that no computation hides', {
    name: 'copies',
    title: 'copies at the same time as computation',
    interactions: 'worth more when kernels are shorter',
    risk: 'none for quality; pinned memory is taken from the host',
    measurement: '20 steps with pin_memory and non_blocking, or with the tensors kept on the GPU',
    change: 'pin_memory=True, to(device, non_blocking=True), a second stream',
  }),
  lever('saveS', 'waits for a checkpoint to be written', {
    name: 'async-save',
    title: 'checkpoints in the background',
    interactions: 'less blocked time also shortens the interval of checkpoints, and makes spot cheaper',
    risk: 'a copy of the state in the memory of the host',
    measurement: 'steps with and without a save, side by side',
    change: 'torch.distributed.checkpoint.async_save, or save_torch(asynchronous=True) of headrace_job',
  }),
  lever('lateS', 'waits for a late rank', {
    name: 'late-rank',
    title: 'no late rank',
    interactions: 'waiting shows as communication: no network setting shortens it',
    risk: 'none for quality, if the shards stay the same',
    measurement: 'the trace of the late rank alone; the same job without its node',
    change: 'balance the work of the rank, or replace its node',
  }),
];
