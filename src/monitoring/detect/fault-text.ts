import type { QualityFault } from './quality-fault.ts';

const TEXTS: Readonly<Record<QualityFault['kind'], string>> = {
  missing: 'missing values rose',
  type: 'the type changed',
  range: 'values are out of their range',
  infinite: 'infinite values appeared',
  repeated: 'one value came far more often than before',
  spelling: 'an unseen spelling of a known value appeared',
  unit: 'the unit changed',
  sign: 'the sign turned',
  format: 'dates are written otherwise, or are none',
  column: 'a column came or went',
  volume: 'far fewer rows came than usual',
  late: 'rows came later than declared',
};

/** Kinds of faults of a source as a whole: its features are in the columns of one fault. */
export const SOURCE_FAULTS: readonly string[] = ['volume', 'late'] satisfies readonly QualityFault['kind'][];

/** A kind of fault in words that may leave the environment: the text of a fault may quote a value. */
export function faultText(kind: string): string {
  return Object.entries(TEXTS).find(([known]) => known === kind)?.[1] ?? kind;
}
