import { compareProfiles } from '../../src/monitoring/detect/compare-profiles.ts';
import type { Comparison } from '../../src/monitoring/detect/comparison.ts';
import { parseDriftRule } from '../../src/monitoring/detect/drift-rule.ts';
import type { DriftLimit } from '../../src/monitoring/detect/feature-comparison.ts';
import {
  HOURS_OF_WEEK,
  hourOfWeek,
  type MatchedColumn,
  matchedFeature,
  matchHours,
  type SeasonalCounts,
} from '../../src/monitoring/detect/seasonal-counts.ts';
import { looksOf } from '../../src/monitoring/monitor/compare-to-reference.ts';
import { type Reference, referenceLimit } from '../../src/monitoring/monitor/reference.ts';
import type { ColumnSketch } from '../../src/monitoring/profile/column-sketch.ts';
import type { Profile } from '../../src/monitoring/profile/profile.ts';
import { instantOf } from './references.ts';

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

/** The rows of a reference in the hour of a window, and the limit of a window that is compared with them. */
export type Matched = MatchedColumn & { readonly limit: DriftLimit };

/** What a monitor compares a window of an hour with; null: with the rows of all hours. */
export function matchedOf(seasonal: SeasonalCounts | null | undefined, hour: number, rows: number): Matched | null {
  const hours = new Float64Array(HOURS_OF_WEEK);
  hours[hourOfWeek(instantOf(hour))] = rows;
  const match = matchHours(seasonal ?? null, hours);
  const found = seasonal == null || typeof match === 'string' ? null : matchedFeature(seasonal, 'f0', match);
  return found === null ? null : { ...found, limit: found.limitOf(rows) };
}

/** One feature of a comparison: both sides and its limit. */
export interface JudgedFeature {
  readonly reference: ColumnSketch;
  readonly current: ColumnSketch;
  readonly limit: DriftLimit | null;
  readonly matched?: Matched | null;
}

/** Compares a window of features as a monitor does. */
export function judged(features: readonly JudgedFeature[]): Comparison {
  const side = (of: 'reference' | 'current'): Profile => ({
    rows: features[0][of].rows,
    columns: new Map(features.map((feature, f) => [`f${f}`, feature[of]])),
  });
  const [reference, current] = [side('reference'), side('current')];
  const season = { of: 'week', rows: reference.rows, unmatched: 0 } as const;
  return compareProfiles(
    { name: 'reference', rows: reference.rows, profile: reference },
    { name: 'window', rows: current.rows, profile: current },
    {
      rule: parseDriftRule('default'),
      windowsPerDay: HOURS_A_DAY,
      limitOf: (name) => features[Number(name.slice(1))].limit,
      matched: { season, columnOf: (name) => features[Number(name.slice(1))].matched ?? null },
    },
  );
}
