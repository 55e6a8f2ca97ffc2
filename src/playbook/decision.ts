import type { PlaybookPlan } from '../features/define/playbook.ts';
import type { Decided, Observed, PlaybookAction } from '../ports/playbook-store.ts';
import type { PlaybookState } from './state.ts';

/** A decision before it has its place in the journal. */
export type Decision = Pick<Decided, 'action' | 'tier' | 'cause' | 'reason' | 'thresholds'>;

/** The inputs of every decision: nothing else counts. */
export interface Situation {
  readonly model: string;
  readonly plan: PlaybookPlan;
  /** Ms from a prediction until its label counts for the last time. */
  readonly labelWithinMs: number;
  readonly state: PlaybookState;
  readonly observed: Observed;
  readonly now: number;
}

/** A decision; without thresholds it compared with none. */
export function decision(
  action: PlaybookAction,
  of: Pick<Decision, 'tier' | 'cause' | 'reason'> & Partial<Pick<Decision, 'thresholds'>>,
): Decision {
  const { tier, cause, reason, thresholds = {} } = of;
  return { action, tier, cause, reason, thresholds };
}
