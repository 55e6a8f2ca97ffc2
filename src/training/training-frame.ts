/**
 * A training set in memory, by column: NaN where a number is missing. Features are rounded to float32, since that is what
 * a served model is given: what is fitted is what is served.
 */
export interface TrainingFrame {
  readonly names: readonly string[];
  readonly columns: readonly Float32Array[];
  /** 1 and 0, or the value of a regression. */
  readonly labels: Float64Array;
}
