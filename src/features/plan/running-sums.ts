import type { InstantsPlan } from './instants.ts';
import type { Partial } from './partial.ts';

/**
 * Sums over all instants of a key up to and with each: key, `ts`, the sums. A window's sum is the difference of two of
 * them, exactly, since they are of integers.
 */
export interface RunningSumsPlan {
  readonly kind: 'runningSums';
  readonly from: InstantsPlan;
  /** Columns of the instants; each is summed in its own type. */
  readonly sums: readonly Partial[];
}
