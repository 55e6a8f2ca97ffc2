import type { Value } from '../../schema/column.ts';

/** A tensor request that was answered, to be run by the candidate too. */
export interface TensorCopy {
  readonly scores: readonly number[];
  /** Group of the caller; null: unknown. */
  readonly group: number | null;
  /** The logged prediction of its only row: the score of the candidate is logged with it, and both losses are compared. Null: it has none. */
  readonly prediction: Pick<ShadowCopy, 'id' | 'missing'> | null;
  /** Scores of the candidate version, by the name of its output. */
  readonly run: (candidate: number, output: string) => Promise<readonly number[]>;
}

/** A prediction that was answered, to be scored by the candidate too. */
export interface ShadowCopy {
  readonly id: string;
  readonly vector: readonly Value[];
  readonly score: number;
  readonly at: number;
  readonly missing: number;
  /** Group of the caller; null: unknown. */
  readonly group: number | null;
}

/** A copy that the candidate scored. `at`: the instant of its features; null: now. */
export type ScoredCopy = Pick<ShadowCopy, 'id' | 'missing' | 'group'> & { readonly at: number | null };
