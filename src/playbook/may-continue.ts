import type { PlaybookPlan } from '../features/define/playbook.ts';
import type { PlaybookState } from './state.ts';

/** Whether a rollout may continue, and why not. */
export interface Permission {
  readonly isGranted: boolean;
  readonly reason: string;
}

const GRANTED: Permission = { isGranted: true, reason: 'the playbook has no objection' };

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/**
 * Asked before a rollout rises or promotes. Only the playbook's own rollout is its business: one that a person started continues.
 * Errs on the side of waiting: a rollout that may not continue is held, and asked again later.
 */
export function mayContinue(
  plan: PlaybookPlan,
  { frozen, response }: Pick<PlaybookState, 'frozen' | 'response'>,
  { id, state, held }: { readonly id: string; readonly state: string; readonly held: { readonly from: string } | null },
  action: 'advance' | 'promote',
  now: number,
): Permission {
  if (response === null || response.rollout !== id) return GRANTED;
  if (frozen !== null) return refused(`the playbook is frozen: ${frozen.reason}`);
  const isShadow = state === 'shadow' || held?.from === 'shadow';
  if (isShadow && plan.shadow !== null && !response.isPaired)
    return refused('the paired shadow shows no certain gain yet');
  if (action === 'advance') return GRANTED;
  if (plan.approval?.before.includes('promotion') === true && !response.approved.includes('promotion'))
    return refused('the promotion waits for an approval');
  return isWithinHours(plan, now) ? GRANTED : refused('it is outside the declared hours');
}

function refused(reason: string): Permission {
  return { isGranted: false, reason };
}

function isWithinHours({ hours }: PlaybookPlan, now: number): boolean {
  if (hours === null) return true;
  const minute = Math.floor((now % DAY_MS) / MINUTE_MS);
  return hours.days.includes(new Date(now).getUTCDay()) && minute >= hours.from && minute < hours.to;
}
