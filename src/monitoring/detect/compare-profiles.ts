import type { ColumnSketch } from '../profile/column-sketch.ts';
import { binOf, type FrozenBins, sameBins } from '../profile/frozen-bins.ts';
import type { Profile } from '../profile/profile.ts';
import { assembleComparison } from './assemble-comparison.ts';
import type { ExcludedColumn } from './choose-columns.ts';
import { type ColumnSide, sideOfSketch } from './column-side.ts';
import { type CompareColumnOptions, type ComparedColumn, compareColumn } from './compare-column.ts';
import type { ComparedSide, Comparison } from './comparison.ts';
import { DATES_REASON, dateFaults, formsOfSketch } from './date-faults.ts';
import type { Distribution } from './distribution.ts';
import type { DriftRule } from './drift-rule.ts';
import type { DriftLimit } from './feature-comparison.ts';
import { kindOf } from './feature-kind.ts';
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
  /** Columns that hold times, by their declaration; others may hold dates as texts. */
  readonly times?: ReadonlySet<string>;
  /** Columns that were left out before, with their reasons. */
  readonly excluded?: readonly ExcludedColumn[];
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
  const excluded: ExcludedColumn[] = [...(options.excluded ?? [])];
  const columns = [...reference.profile.columns].flatMap(([name, sketch]) => {
    const other = current.profile.columns.get(name);
    if (other === undefined) return [];
    const [whole, now] = [sideOfSketch(sketch), sideOfSketch(other)];
    const dates = datesOf(name, [sketch, whole], [other, now], options.times?.has(name) === true);
    if (dates !== null) {
      faults.push(...dates);
      excluded.push({ name, reason: DATES_REASON });
      return [];
    }
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
    excluded,
    season: options.matched?.season ?? null,
  });
}

/** Faults of a column of dates; null: it holds none. */
function datesOf(
  name: string,
  [before, was]: readonly [ColumnSketch, ColumnSide],
  [after, is]: readonly [ColumnSketch, ColumnSide],
  isTime: boolean,
): readonly QualityFault[] | null {
  const formsOf = ({ type, frequent }: ColumnSketch, isKnown: boolean) =>
    type === 'text' ? formsOfSketch(frequent, isKnown) : null;
  const forms = formsOf(before, isTime);
  if (forms === null && !isTime) return null;
  return dateFaults(name, { side: was, isTime, forms }, { side: is, isTime, forms: formsOf(after, true) });
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

/**
 * The side of a reference whose rows are matched by their hours. Counts, missing values and moments are those of the matched rows.
 * Kind, extremes and known values are those of every row.
 */
function matchedSide(whole: ColumnSide, bins: FrozenBins, matched: MatchedColumn): ColumnSide {
  const { counts, mean, deviation } = matched;
  const rows = counts.reduce((sum, count) => sum + count, 0);
  const share = rows / Math.max(1, whole.rows);
  return {
    ...whole,
    kind: kindOf(whole),
    rows,
    missing: counts[bins.count],
    infinite: whole.infinite * share,
    mean,
    deviation,
    distribution: whole.distribution === null ? null : reweighted(whole.distribution, bins, counts),
  };
}

/** A distribution whose bins have other counts: within a bin it is as before. */
function reweighted(whole: Distribution, bins: FrozenBins, counts: Float64Array): Distribution {
  const { values, upTo, rankError } = whole;
  const held = new Float64Array(bins.count + 1);
  const masses = Float64Array.from(upTo, (until, i) => until - (upTo[i - 1] ?? 0));
  for (let i = 0; i < values.length; i += 1) held[binOf(bins, values[i])] += masses[i];
  const weighted = new Float64Array(values.length);
  let n = 0;
  for (let i = 0; i < values.length; i += 1) {
    const bin = binOf(bins, values[i]);
    n += (masses[i] * counts[bin]) / held[bin];
    weighted[i] = n;
  }
  return { values, upTo: weighted, n, rankError };
}
