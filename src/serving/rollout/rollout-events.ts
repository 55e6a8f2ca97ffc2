import type { RolloutEvent, RolloutStore } from '../../ports/rollout-store.ts';

/** Newest rollouts whose events are read. */
const MOST_ROLLOUTS = 50;

/** Events of the newest rollouts of a model, oldest first. Errors: those of the store. */
export async function rolloutEvents(
  store: Pick<RolloutStore, 'list' | 'events'>,
  model: string,
): Promise<readonly RolloutEvent[]> {
  const events: RolloutEvent[] = [];
  for (const { id } of (await store.list(model)).slice(0, MOST_ROLLOUTS)) events.push(...(await store.events(id)));
  return events.sort((a, b) => a.at - b.at || a.revision - b.revision);
}
