import type { ResolvedMonitor } from '../../features/define/monitor.ts';
import { type CompareProfilesOptions, compareProfiles } from '../detect/compare-profiles.ts';
import type { Comparison } from '../detect/comparison.ts';
import { parseDriftRule } from '../detect/drift-rule.ts';
import type { Looks } from '../detect/quiet-chance.ts';
import { matchedFeature, matchHours } from '../detect/seasonal-counts.ts';
import type { Profile } from '../profile/profile.ts';
import { type Reference, referenceLimit, wholeReference } from './reference.ts';

const DAY_MS = 86_400_000;

function windowsPerDay({ windowMs }: Pick<ResolvedMonitor, 'windowMs'>): number {
  return Math.max(1, Math.round(DAY_MS / windowMs));
}

/** How often a monitor looks, for the chance that a quiet window may be beyond its limit. */
export function looksOf({ windowMs, k, of }: Pick<ResolvedMonitor, 'windowMs' | 'k' | 'of'>): Looks {
  return { windowsPerDay: DAY_MS / windowMs, k, of };
}

/** A window that is compared with a reference. */
export interface ComparedWindow {
  readonly name: string;
  readonly profile: Profile;
  /** Its rows by hour of the week. */
  readonly hours: Float64Array;
}

export interface ToReference {
  readonly comparison: Comparison;
  /** Why rows of all hours are compared; null: those of the same hours are, or the rule is one that knows no seasons. */
  readonly unmatched: string | null;
}

/** Columns that are compared in their own way, or not. */
export type ReferenceColumns = Pick<CompareProfilesOptions, 'vectors' | 'times' | 'excluded'>;

/**
 * Compares a window with the rows of the reference that have the same hours of the week or of the day, where the reference has enough of
 * them; otherwise with all rows. `psi>` and `ks<` are rules of others, and compare all rows.
 */
export function compareToReference(
  reference: Reference & { readonly name: string; readonly whole?: Profile },
  { name, profile, hours }: ComparedWindow,
  { rule: written, ...monitor }: Pick<ResolvedMonitor, 'rule' | 'windowMs' | 'k' | 'of'>,
  { vectors = new Map(), times = new Set(), excluded = [] }: ReferenceColumns = {},
): ToReference {
  const { seasonal = null, whole = wholeReference(reference) } = reference;
  const rule = parseDriftRule(written);
  const hoursFound = rule.kind === 'default' && profile.rows > 0 ? matchHours(seasonal, hours) : null;
  const match = hoursFound === null || typeof hoursFound === 'string' ? null : hoursFound;
  const columnOf = (feature: string) => {
    const found = match === null || seasonal === null ? null : matchedFeature(seasonal, feature, match);
    return found === null ? null : { ...found, limit: found.limitOf(profile.rows) };
  };
  const comparison = compareProfiles(
    { name: reference.name, rows: whole.rows, profile: whole },
    { name, rows: profile.rows, profile },
    {
      rule,
      windowsPerDay: windowsPerDay(monitor),
      limitOf: (feature) =>
        referenceLimit(reference, feature, {
          rows: profile.rows,
          features: whole.columns
            .keys()
            .filter((column) => !times.has(column))
            .toArray().length,
          looks: looksOf(monitor),
        }),
      vectors,
      times,
      excluded,
      ...(match === null
        ? {}
        : {
            matched: {
              season: { of: match.of, rows: Math.floor(match.rows), unmatched: match.unmatched },
              columnOf,
            },
          }),
    },
  );
  return { comparison, unmatched: typeof hoursFound === 'string' ? hoursFound : null };
}
