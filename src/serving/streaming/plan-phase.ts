/** How a plan stands in the control log. */
export type PlanPhase =
  /** Its owners acknowledge it. */
  | 'open'
  /** It is in the version map; partitions reach it at their own time. */
  | 'committed'
  /** Somebody ended it before its commit. */
  | 'aborted'
  /** A partition was past the offset that it names. */
  | 'refused'
  /** A later plan replaced it while it was open, or begins before any partition reached it. */
  | 'superseded'
  /** It was taken out of the version map before any partition reached it. */
  | 'cancelled';

/** A plan, its version and its phase. */
export interface PlanState {
  readonly plan: number;
  readonly version: number;
  readonly phase: PlanPhase;
}

const TRANSITIONS: Readonly<Record<PlanPhase, readonly PlanPhase[]>> = {
  open: ['committed', 'aborted', 'refused', 'superseded'],
  committed: ['superseded', 'cancelled'],
  aborted: [],
  refused: [],
  superseded: [],
  cancelled: [],
};

/** Plans that a state remembers. */
const MOST = 16;

/** The plans after a new one. */
export function withPlan(plans: readonly PlanState[], plan: number, version: number): readonly PlanState[] {
  return [...plans.slice(1 - MOST), { plan, version, phase: 'open' }];
}

/** The plans after one has come to a phase. A transition that is not declared is a fault of this program. */
export function moved(plans: readonly PlanState[], plan: number, phase: PlanPhase): readonly PlanState[] {
  return plans.map((one) => {
    if (one.plan !== plan) return one;
    if (!TRANSITIONS[one.phase].includes(phase))
      throw new Error(`plan ${plan} cannot go from ${one.phase} to ${phase}`);
    return { ...one, phase };
  });
}
