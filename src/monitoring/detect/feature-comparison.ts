import type { FrozenBins } from '../profile/frozen-bins.ts';
import type { FeatureKind } from './feature-kind.ts';

/** `inconclusive`: it moved, and the reference itself moves as far. */
export type DriftState = 'drift' | 'ok' | 'inconclusive' | 'insufficient' | 'excluded';

/** One feature of a comparison. */
export interface FeatureComparison {
  readonly name: string;
  readonly kind: FeatureKind;
  readonly state: DriftState;
  /** Why, in one clause. */
  readonly reason: string;
  readonly rows: { readonly reference: number; readonly current: number };
  readonly missing: { readonly reference: number; readonly current: number };
  readonly mean: { readonly reference: number | null; readonly current: number | null };
  readonly effect: FeatureEffect | null;
  readonly evidence: FeatureEvidence | null;
  /** Null: not calibrated. */
  readonly limit: DriftLimit | null;
  /** Values of the current rows that the reference does not have, and those that vanished; of categories. */
  readonly values: ValueChanges | null;
  /** A few values are far out, while the rest did not move. */
  readonly outlier: number | null;
  /** Share in what tells current rows from reference rows; null where it was not computed, or the rows look alike. */
  readonly rootCauseShare: number | null;
  /** Whether quantiles come from a sketch. */
  readonly approximate: boolean;
  /** How far the vectors of an embedding moved; absent for other columns, null where they could not be compared. */
  readonly vectors?: VectorDistance | null;
  readonly bins: FeatureBins;
}

/** A quiet window, by the reference's own blocks of rows. */
export interface DriftLimit {
  /** The debiased PSI that a quiet window reaches by its chance alone. */
  readonly psi: number;
  /** Blocks that it was estimated from. */
  readonly chunks: number;
  /** Rows that vary as one independent row does (Kish 1965); 1: rows are independent. */
  readonly designEffect: number;
}

export interface FeatureEffect {
  readonly psi: number;
  readonly debiasedPsi: number;
  readonly jensenShannon: number;
  /** W₁ in standard deviations of the reference; null for categories and constants. */
  readonly wasserstein: number | null;
  /** Change of the mean in the same unit, with its sign. */
  readonly meanShift: number | null;
}

/** The distance of two samples of vectors. */
export interface VectorDistance {
  readonly components: number;
  /** Vectors of the reference and of the current rows that were compared. */
  readonly compared: readonly [number, number];
  /** Squared MMD, 0 on average without drift. */
  readonly mmd: number;
  /** Share of random splits of both samples with an MMD at least as large. */
  readonly p: number;
  /** The MMD that the reference's own chunks reach. */
  readonly limit: number;
  readonly chunks: number;
  /** AUC of a classifier that tells both apart: .5 where they look alike. Null with too few rows. */
  readonly domainAuc: number | null;
}

export interface FeatureEvidence {
  readonly test: 'kolmogorov-smirnov' | 'chi-square' | 'mmd';
  /** D, χ² or squared MMD. */
  readonly statistic: number;
  /** For independent rows. */
  readonly p: number;
  /** With rows divided by the design effect of the limit (first-order correction of Rao and Scott 1984). */
  readonly dependentP: number;
  /** `dependentP` after Benjamini–Hochberg over the features. */
  readonly adjustedP: number;
  /** Where the distributions differ most, and whether current values lie higher (1) or lower (−1) there. */
  readonly location: number | null;
  readonly sign: 1 | -1 | null;
}

export interface ValueChanges {
  readonly unseen: readonly string[];
  readonly unseenShare: number;
  /** Share of unseen values to expect without drift: of values that came once (Good 1953). */
  readonly expectedUnseenShare: number;
  readonly vanished: readonly string[];
}

export interface FeatureBins {
  readonly frozen: FrozenBins;
  /** One count for each bin, the last of missing values. */
  readonly reference: readonly number[];
  readonly current: readonly number[];
}
