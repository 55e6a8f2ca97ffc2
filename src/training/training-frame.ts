/**
 * A training set in memory, by column: NaN where a number is missing. Features are rounded to float32, like the inputs
 * of a served model, so fitted and served values are equal.
 */
export interface TrainingFrame {
  readonly names: readonly string[];
  readonly columns: readonly Float32Array[];
  /** 1 and 0, or the value of a regression. */
  readonly labels: Float64Array;
}
