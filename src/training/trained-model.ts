import type { TrainingFrame } from './training-frame.ts';

export interface TrainedModel {
  readonly onnx: Uint8Array;
  readonly input: string;
  readonly output: string;
  readonly metrics: Readonly<Record<string, number>>;
  /** Raw rows with the scores they were given: what a runtime has to reproduce. */
  readonly parity: { readonly rows: readonly (readonly (number | null)[])[]; readonly scores: readonly number[] };
}

const PARITY_ROWS = 64;

/** Rows spread evenly over the set, and those with the most missing values. */
export function parityOf({ columns }: TrainingFrame, scores: Float64Array): TrainedModel['parity'] {
  const gaps = (row: number) => columns.reduce((sum, column) => sum + (Number.isNaN(column[row]) ? 1 : 0), 0);
  const every = Math.max(1, Math.floor(scores.length / PARITY_ROWS));
  const even = Array.from({ length: Math.min(PARITY_ROWS, scores.length) }, (_, i) => i * every);
  let emptiest = 0;
  for (let row = 1; row < Math.min(scores.length, 10_000); row += 1) if (gaps(row) > gaps(emptiest)) emptiest = row;
  const chosen = [...new Set([...even, emptiest])];
  return {
    rows: chosen.map((row) => columns.map((column) => (Number.isNaN(column[row]) ? null : column[row]))),
    scores: chosen.map((row) => scores[row]),
  };
}
