import type { SeenRollout } from '../ports/playbook-store.ts';
import type { Rollout, RolloutEvent } from '../ports/rollout-store.ts';

/** A rollout as a journal keeps it, without its losses. `events` are all of its own, oldest first. */
export function seenRollout(
  { id, state, champion, candidate, since, reason, step, plan, held }: Rollout,
  events: readonly RolloutEvent[],
): Omit<SeenRollout, 'breach' | 'paired'> {
  const isShadow = held?.from === 'shadow';
  return {
    id,
    state,
    champion,
    candidate,
    since,
    heldSince: state === 'held' ? heldSince(events) : null,
    isLastStep: (state === 'canary' || (state === 'held' && !isShadow)) && step === plan.steps.length - 1,
    reason,
  };
}

/** When a held rollout was held, epoch ms: the first of the last holds without another event between. */
function heldSince(events: readonly RolloutEvent[]): number | null {
  const before = events.findLastIndex(({ kind }) => kind !== 'held' && kind !== 'tuned');
  return events.slice(before + 1).find(({ kind }) => kind === 'held')?.at ?? null;
}
