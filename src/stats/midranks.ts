/** Two samples ranked together: ties share the mean of their ranks. */
export interface Midranks {
  /** Of the first sample ascending, then of the second. */
  readonly ofX: Float64Array;
  readonly ofY: Float64Array;
  /** Σ (t³ − t) over the groups of t equal values. */
  readonly ties: number;
}

/** Ranks from 1 of two samples that are each sorted ascending. */
export function midranks(x: Float64Array, y: Float64Array): Midranks {
  const ofX = new Float64Array(x.length);
  const ofY = new Float64Array(y.length);
  let ties = 0;
  let i = 0;
  let j = 0;
  while (i < x.length || j < y.length) {
    const value = i < x.length && (j >= y.length || x[i] <= y[j]) ? x[i] : y[j];
    const fromX = i;
    const fromY = j;
    while (i < x.length && x[i] === value) i += 1;
    while (j < y.length && y[j] === value) j += 1;
    const equal = i - fromX + j - fromY;
    const rank = fromX + fromY + (equal + 1) / 2;
    ofX.fill(rank, fromX, i);
    ofY.fill(rank, fromY, j);
    ties += equal ** 3 - equal;
  }
  return { ofX, ofY, ties };
}
