import type { ColumnSketch } from '../profile/column-sketch.ts';
import { sameBins } from '../profile/frozen-bins.ts';
import type { Profile } from '../profile/profile.ts';
import { assembleComparison } from './assemble-comparison.ts';
import { sideOfSketch } from './column-side.ts';
import { type CompareColumnOptions, type ComparedColumn, compareColumn } from './compare-column.ts';
import type { ComparedSide, Comparison } from './comparison.ts';
import type { DriftRule } from './drift-rule.ts';
import type { DriftLimit } from './feature-comparison.ts';
import { kindOf } from './feature-kind.ts';
import { matchedSide } from './matched-side.ts';
import { type QualityFault, qualityFaults } from './quality-fault.ts';
import type { MatchedColumn } from './seasonal-counts.ts';

export interface CompareProfilesOptions {
  readonly rule: DriftRule;
  readonly windowsPerDay: number;
  /** The limit of a feature from the reference's own blocks; null: there is none. */
  readonly limitOf?: (name: string) => DriftLimit | null;
  /** Columns of embeddings, compared by their vectors: a profile holds none. */
  readonly vectors?: ReadonlyMap<string, ComparedVectors>;
  /** The rows of the reference in the hours of the current rows; left out: all rows are compared. */
  readonly matched?: MatchedReference;
}

export interface ComparedVectors {
  readonly column: ComparedColumn;
  readonly faults: readonly QualityFault[];
}

/** Rows of a reference that are chosen by their hours, as counts over its bins. */
export interface MatchedReference {
  readonly season: NonNullable<Comparison['season']>;
  readonly columnOf: (name: string) => (MatchedColumn & { readonly limit: ComparedColumn['limit'] }) | null;
}

/** Compares two profiles: no row is read, quantiles are those of sketches. */
export function compareProfiles(
  reference: ComparedSide & { readonly profile: Profile },
  current: ComparedSide & { readonly profile: Profile },
  options: CompareProfilesOptions,
): Comparison {
  const faults: QualityFault[] = [];
  const lacking = (from: Profile, of: Profile, text: string) => {
    for (const name of from.columns.keys())
      if (!of.columns.has(name)) faults.push({ kind: 'column', columns: [name], text, rows: null });
  };
  lacking(reference.profile, current.profile, 'the column is gone');
  lacking(current.profile, reference.profile, 'the column is new');
  const columns = [...reference.profile.columns].flatMap(([name, sketch]) => {
    const other = current.profile.columns.get(name);
    if (other === undefined) return [];
    const [whole, now] = [sideOfSketch(sketch), sideOfSketch(other)];
    const counted = countedOver(sketch, other);
    // Values without a bin are not known by hour.
    const rows = counted === null || kindOf(whole) === 'manyValues' ? null : (options.matched?.columnOf(name) ?? null);
    const matched = counted === null || rows === null ? null : matchedSide(whole, counted.bins, rows);
    const compared = compareColumn(name, matched ?? whole, now, {
      calibrate: () => (rows === null ? (options.limitOf?.(name) ?? null) : rows.limit),
      counted: counted === null || rows === null ? counted : { ...counted, reference: rows.counts, alone: true },
    });
    // Where no value was missing in any hour, every row of the reference says so.
    const known = matched === null || whole.missing === 0 ? { rows: whole.rows } : {};
    const vectors = options.vectors?.get(name);
    const isCompared = compared.kind !== 'identifier' && vectors === undefined;
    faults.push(...qualityFaults(name, { ...(matched ?? whole), ...known }, now, isCompared));
    faults.push(...(vectors?.faults ?? []));
    return [vectors?.column ?? compared];
  });
  return assembleComparison({
    rule: options.rule,
    windowsPerDay: options.windowsPerDay,
    reference: { name: reference.name, rows: reference.rows },
    current: { name: current.name, rows: current.rows },
    columns,
    faults,
    domain: null,
    slices: [],
    season: options.matched?.season ?? null,
  });
}

/** Counts over bins that both profiles have; a reference's own bins otherwise. */
function countedOver(
  reference: ColumnSketch,
  current: ColumnSketch,
): NonNullable<CompareColumnOptions['counted']> | null {
  if (reference.bins === null || reference.counts === null || current.counts === null) return null;
  if (!sameBins(reference.bins, current.bins)) return null;
  return { bins: reference.bins, reference: reference.counts, current: current.counts };
}
