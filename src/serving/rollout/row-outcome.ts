import type { Outcome } from './evidence-counter.ts';

/** How a row without a score counts against the version that ran it, by the code of its error. */
const OUTCOMES: Readonly<Record<string, Outcome>> = {
  // The other version scored the row: the inputs of this one hold less.
  MODEL_CELL: 'error',
  PREDICT_CELL: 'error',
  MODEL_SCORE: 'nonFinite',
  MODEL_RUN: 'error',
  MODEL_CRASH: 'error',
  MODEL_HANG: 'timeout',
};

/** The outcome of a row of a job or a stream that has the code of an error; null: the row is at fault, whatever the version. */
export function rowOutcome(code: string): Outcome | null {
  return OUTCOMES[code] ?? null;
}
