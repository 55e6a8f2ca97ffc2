import { defineProject, float, model, pipeline } from '../../src/features/define/declare.ts';
import type { RolloutOptions } from '../../src/features/define/rollout.ts';
import { asked, came, service } from '../models/small-project.ts';

function soldModel(rollout: RolloutOptions<'name'>) {
  return model('sold', {
    task: 'binary',
    service,
    spine: { from: asked, id: 'id' },
    label: { from: came, id: 'asked', value: (e) => e.good, within: '1h' },
    train: { with: { kind: 'logisticRegression' } },
    rollout,
  });
}

/** A project of one model, `sold`, with the rollout of a test. */
export function soldProject(rollout: RolloutOptions<'name'>) {
  return defineProject('shop', { asked, came, sold: soldModel(rollout) });
}

/** The same with a pipeline, `offer`, of which the model is the one step. */
export function offerProject(rollout: RolloutOptions<'name'>) {
  const sold = soldModel(rollout);
  const run = ({ scores }: { readonly scores: { readonly sold: number } }) => ({ worth: 10 * scores.sold });
  const offer = pipeline('offer', { service, models: { sold }, outputs: { worth: float() }, run });
  return defineProject('shop', { asked, came, sold, offer });
}

/** Half of the callers are the canary's at once, and guardrails alone decide. */
export const halfAtOnce: RolloutOptions<'name'> = {
  key: 'name',
  shadow: false,
  steps: [50],
  requests: 100,
  every: '1s',
  success: false,
  soak: '1m',
};
