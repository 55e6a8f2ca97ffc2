/** A training set in memory, by column: numbers, NaN where one is missing. */
export interface TrainingFrame {
  readonly names: readonly string[];
  readonly columns: readonly Float64Array[];
  /** 1 and 0, or the value of a regression. */
  readonly labels: Float64Array;
}
