import { defineProject, model } from '../../src/features/define/declare.ts';
import type { RolloutOptions } from '../../src/features/define/rollout.ts';
import { asked, came, service } from '../models/small-project.ts';

/** A project of one model, `sold`, with the rollout of a test. */
export function soldProject(rollout: RolloutOptions<'name'>) {
  const sold = model('sold', {
    task: 'binary',
    service,
    spine: { from: asked, id: 'id' },
    label: { from: came, id: 'asked', value: (e) => e.good, within: '1h' },
    train: { with: { kind: 'logisticRegression' } },
    rollout,
  });
  return defineProject('shop', { asked, came, sold });
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
