import type { RecordOutcome } from './score-records.ts';

/** Records by outcome since the start. */
export type RecordCounts = Readonly<Record<RecordOutcome, number>>;

/** Counts of no record yet. */
export function noRecords(): Record<RecordOutcome, number> {
  return { scored: 0, rejected: 0, duplicate: 0, late: 0, future: 0 };
}
