import type { Headrace } from './headrace.ts';
import { insideOf } from './inside.ts';

/** Follows what other processes changed: rollouts and playbooks. Call it some times a second in a process that serves. Errors: ROLLOUT_*. */
export async function followChanges(headrace: Headrace): Promise<void> {
  const { models, playbooks } = insideOf(headrace);
  await playbooks.follow();
  await models.followRollouts();
}
