import { numberText } from '../../base/number-text.ts';
import { type ColumnValues, isTime } from '../../ports/table-file.ts';
import { sideOfValues } from './column-side.ts';
import { type QualityFault, qualityFaults } from './quality-fault.ts';

/** One side of a column: its values, and the type that the file declares. */
export interface DeclaredColumn {
  readonly declared: string;
  readonly values: ColumnValues;
}

/** A day, with a time or without, or a day with the name of its month. */
const DATE =
  /^\s*(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{1,2}\s[A-Za-z]{3,9}\s\d{4}|[A-Za-z]{3,9}\s\d{1,2},?\s\d{4})([T ].{0,40})?\s*$/;

/** The share of texts that are dates, from which on a column holds dates. */
const DATES = 0.95;
/** First rows that say whether the others are looked at, and least dates of a column of them. */
const FIRST = 100;
const LEAST_DATES = 20;
/** Rows that are written otherwise, and their share, from which on they are a fault. */
const LEAST_ROWS = 5;
const LEAST_SHARE = 0.001;

/**
 * Faults of a column of dates: missing ones, and texts that are no dates or are written otherwise. Its values are not compared:
 * they differ between any two spans. Null: the reference holds no dates.
 */
export function dateFaults(
  name: string,
  reference: DeclaredColumn,
  current: DeclaredColumn,
): readonly QualityFault[] | null {
  if (!isTime(reference.declared) && !areDates(reference.values)) return null;
  const [a, b] = [sideOfValues(reference.values), sideOfValues(current.values)];
  // A date may be a number on one side and a text on the other: its missing values are those of both.
  const missing = qualityFaults(name, a, { ...b, type: a.type }, false);
  const odd = oddTexts(reference, current);
  return odd === null ? missing : [...missing, { kind: 'format', columns: [name], text: odd.text, rows: odd.rows }];
}

function areDates(values: ColumnValues): boolean {
  if (values instanceof Float64Array) return false;
  const some = values.slice(0, FIRST).filter((one) => one !== null);
  const isLikely = some.length === 0 || some.some((one) => DATE.test(one));
  if (!isLikely) return false;
  const texts = values.filter((one) => one !== null);
  const dates = texts.reduce((sum, one) => sum + (DATE.test(one) ? 1 : 0), 0);
  return texts.length >= LEAST_DATES && dates >= DATES * texts.length;
}

function oddTexts(
  reference: DeclaredColumn,
  current: DeclaredColumn,
): { readonly text: string; readonly rows: number } | null {
  if (current.values instanceof Float64Array) {
    if (reference.values instanceof Float64Array || current.values.every(Number.isNaN)) return null;
    return { text: `dates were texts, and are ${current.declared}`, rows: current.values.length };
  }
  const texts = current.values.filter((one) => one !== null);
  const known = formsOf(reference);
  const odd = texts.filter((one) => !known(one));
  if (odd.length < LEAST_ROWS || odd.length < LEAST_SHARE * texts.length) return null;
  const none = odd.filter((one) => !DATE.test(one));
  const share = (of: readonly string[]) => `${numberText((100 * of.length) / texts.length)} %`;
  const says =
    none.length >= odd.length / 2
      ? `${share(none)} of values are no dates`
      : `${share(odd)} of dates are written otherwise`;
  return { text: `${says}, as "${odd[0].slice(0, 40)}"`, rows: odd.length };
}

/** Whether a text is written as the reference writes its dates; one that has times takes the form of ISO 8601. */
function formsOf({ values }: DeclaredColumn): (text: string) => boolean {
  if (values instanceof Float64Array)
    return (text) => /^\d{4}-\d{2}-\d{2}/.test(text) && !Number.isNaN(Date.parse(text));
  const forms = new Set(values.flatMap((one) => (one === null ? [] : [formOf(one)])));
  return (text) => forms.has(formOf(text));
}

/** A date with 9 for each digit and a for each word. */
function formOf(text: string): string {
  return text.replace(/\d/g, '9').replace(/[A-Za-z]+/g, 'a');
}
