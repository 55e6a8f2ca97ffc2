import type { ExcludedColumn } from './choose-columns.ts';
import type { DriftRule, FalseAlarms } from './drift-rule.ts';
import type { FeatureComparison } from './feature-comparison.ts';
import type { QualityFault } from './quality-fault.ts';

/** Two tables, windows or profiles compared: the reference first. */
export interface Comparison {
  readonly version: 1;
  readonly reference: ComparedSide;
  readonly current: ComparedSide;
  readonly rule: DriftRule;
  /**
   * `fault` before anything else; `drift` where a feature has drifted; `inconclusive` where one moved as far as the reference itself
   * does; `insufficient` where none could be judged.
   */
  readonly verdict: 'fault' | 'drift' | 'inconclusive' | 'ok' | 'insufficient';
  readonly faults: readonly QualityFault[];
  readonly features: readonly FeatureComparison[];
  /** How well a classifier tells current rows from reference rows; null without rows or with too few. */
  readonly domainAuc: number | null;
  /** Of the seed's rules at this size, and of the chosen one; of the default it is calibrated, not computed. */
  readonly falseAlarms: readonly RuleCost[];
  readonly windowsPerDay: number;
  readonly slices: readonly SliceComparison[];
  /** Columns that are not compared, each with its reason. */
  readonly excluded: readonly ExcludedColumn[];
  /** Rows of the reference that were compared, of the same hours as the current rows; null: all of them. */
  readonly season: { readonly of: 'day' | 'week'; readonly rows: number; readonly unmatched: number } | null;
}

export interface ComparedSide {
  readonly name: string;
  readonly rows: number;
}

export interface RuleCost extends FalseAlarms {
  readonly rule: string;
  /** Features that this rule flags in this comparison. */
  readonly flagged: number;
}

export interface SliceComparison {
  readonly column: string;
  readonly value: string;
  readonly rows: { readonly reference: number; readonly current: number };
  readonly drifted: readonly { readonly name: string; readonly reason: string }[];
  readonly state: 'drift' | 'ok' | 'insufficient';
}
