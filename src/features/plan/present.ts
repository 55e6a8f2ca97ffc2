import type { InstantsPlan } from './instants.ts';

/** The instants at which a partial holds something: key, `ts`, the partial. */
export interface PresentPlan {
  readonly kind: 'present';
  readonly from: InstantsPlan;
  readonly column: string;
}
