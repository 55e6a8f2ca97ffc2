import type { PointKey } from './points.ts';
import type { ScanPlan } from './scan.ts';

/**
 * What a batch view answered at each different (key, instant) of a spine: the newest generation that was visible, and
 * the key's row in it, if it has one. Columns: the key, `q`, `generation`, `as_of`, the features.
 */
export interface GenerationPlan {
  readonly kind: 'generation';
  readonly spine: ScanPlan;
  readonly keys: readonly PointKey[];
  /** All generations of the view. */
  readonly table: ScanPlan;
  /** `f_<feature>`. */
  readonly features: readonly string[];
}
