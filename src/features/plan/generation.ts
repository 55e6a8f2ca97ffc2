import type { PointKey } from './points.ts';
import type { ScanPlan } from './scan.ts';

/**
 * The answer of a batch view at each different (key, instant) of a spine: the newest visible generation, and the key's
 * row in it, if it has one. Columns: the key, `q`, `generation`, `as_of`, the features.
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
