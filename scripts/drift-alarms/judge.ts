import { compareProfiles } from '../../src/monitoring/detect/compare-profiles.ts';
import type { Comparison } from '../../src/monitoring/detect/comparison.ts';
import { parseDriftRule } from '../../src/monitoring/detect/drift-rule.ts';
import type { DriftLimit } from '../../src/monitoring/detect/feature-comparison.ts';
import { looksOf } from '../../src/monitoring/monitor/looks.ts';
import { type Reference, referenceLimit } from '../../src/monitoring/monitor/reference.ts';
import type { ColumnSketch } from '../../src/monitoring/profile/column-sketch.ts';
import type { Profile } from '../../src/monitoring/profile/profile.ts';

export const FEATURES = 100;
/** The monitor's defaults, hourly. */
export const MONITOR = { kind: 'featureDrift', k: 2, of: 3, windowMs: 3_600_000 } as const;
const HOURS_A_DAY = 24;
/** Windows of 90 days. */
export const QUARTER = 90 * HOURS_A_DAY;

/** The limit of one feature among 100, as a monitor takes it. */
export function limitOf(reference: Reference, name: string, rows: number): DriftLimit | null {
  return referenceLimit(reference, name, { rows, features: FEATURES, looks: looksOf(MONITOR) });
}

/** One feature of a comparison: both sides and its limit. */
export interface JudgedFeature {
  readonly reference: ColumnSketch;
  readonly current: ColumnSketch;
  readonly limit: DriftLimit | null;
}

/** Compares a window of features as a monitor does. */
export function judged(features: readonly JudgedFeature[]): Comparison {
  const side = (of: 'reference' | 'current'): Profile => ({
    rows: features[0][of].rows,
    columns: new Map(features.map((feature, f) => [`f${f}`, feature[of]])),
  });
  const [reference, current] = [side('reference'), side('current')];
  return compareProfiles(
    { name: 'reference', rows: reference.rows, profile: reference },
    { name: 'window', rows: current.rows, profile: current },
    {
      rule: parseDriftRule('default'),
      windowsPerDay: HOURS_A_DAY,
      limitOf: (name) => features[Number(name.slice(1))].limit,
    },
  );
}
