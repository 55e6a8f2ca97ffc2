import { numberText } from '../../base/number-text.ts';
import type { ColumnValues } from '../../ports/table-file.ts';
import { twoProportionZTest } from '../../stats/two-proportion-z-test.ts';
import type { FrequentItems } from '../profile/frequent-items.ts';
import type { ColumnSide } from './column-side.ts';
import type { Distribution } from './distribution.ts';
import { type QualityFault, qualityFaults } from './quality-fault.ts';

/** One side of a column that may hold dates: a column of a file, or of a profile. */
export interface DateSide {
  readonly side: ColumnSide;
  /** Whether the file or the service declares it as a time. */
  readonly isTime: boolean;
  /** How its texts are written; null: it holds numbers. */
  readonly forms: TextForms | null;
}

/** The texts of one form: dates alike, or all that are no dates. */
interface TextForm {
  readonly rows: number;
  readonly isDate: boolean;
  readonly example: string;
}

/** The forms of the texts of a column. */
export interface TextForms {
  readonly byForm: ReadonlyMap<string, TextForm>;
  /** Rows whose form is known; fewer than the texts of the column where a sketch holds a part of them. */
  readonly rows: number;
  readonly isSample: boolean;
}

/** Why a column of dates is not compared. */
export const DATES_REASON =
  'it holds dates, which differ between any two spans: only missing and odd ones are looked at';

/** A day, with a time or without, or a day with the name of its month. */
const DATE =
  /^\s*(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{1,2}\s[A-Za-z]{3,9}\s\d{4}|[A-Za-z]{3,9}\s\d{1,2},?\s\d{4})([T ].{0,40})?\s*$/;

/** The share of texts that are dates, from which on a column holds dates. */
const DATES = 0.95;
/** First rows that say whether the others are looked at, and least dates of a column of them. */
const FIRST = 100;
const LEAST_DATES = 20;
/** Rows that are odd, and their share, from which on they are a fault; of a sketch they differ for certain as well. */
const LEAST_ROWS = 5;
const LEAST_SHARE = 0.001;
const CERTAIN = 0.001;
/** The share of texts that are no dates, from which on they count where the reference has a few. */
const LEAST_RISE = 0.01;

/** Instants that stand for no date: the first day of the epoch, and years that calendars of people do not have. */
const FIRST_DAY_MS = 86_400_000;
const LAST_MS = Date.UTC(2900, 0);

/**
 * Faults of a column of dates: missing ones, texts that are no dates or are written otherwise, and instants that stand for none. Its
 * values are not compared: they differ between any two spans. Null: the reference holds no dates.
 */
export function dateFaults(name: string, reference: DateSide, current: DateSide): readonly QualityFault[] | null {
  if (!holdsDates(reference)) return null;
  // A date may be a number on one side and a text on the other: its missing values are those of both.
  const missing = qualityFaults(name, reference.side, { ...current.side, type: reference.side.type }, false);
  const odd = current.forms === null ? oddNumbers(reference, current) : oddTexts(reference, current.forms);
  return odd === null ? missing : [...missing, { kind: 'format', columns: [name], text: odd.text, rows: odd.rows }];
}

function holdsDates({ isTime, forms }: DateSide): boolean {
  if (isTime) return true;
  if (forms === null || forms.rows < LEAST_DATES) return false;
  let dates = 0;
  for (const { rows, isDate } of forms.byForm.values()) dates += isDate ? rows : 0;
  return dates >= DATES * forms.rows;
}

/** The forms of all texts of a column; null where the first of them say that it holds no dates. */
export function formsOfValues(values: ColumnValues, isKnown: boolean): TextForms | null {
  if (values instanceof Float64Array) return null;
  const some = values.slice(0, FIRST).filter((one) => one !== null);
  if (!isKnown && some.length > 0 && !some.some((one) => DATE.test(one))) return null;
  const forms = createForms();
  for (const text of values) if (text !== null) addForm(forms, text, 1);
  return { ...forms, isSample: false };
}

/** The forms of the texts that a sketch holds; null where it holds no dates. */
export function formsOfSketch(frequent: FrequentItems | null, isKnown: boolean): TextForms | null {
  if (frequent === null) return null;
  if (!isKnown && !frequent.counts.keys().some((text) => DATE.test(text))) return null;
  const forms = createForms();
  for (const [text, rows] of frequent.counts) addForm(forms, text, rows);
  return { ...forms, isSample: frequent.offset > 0 };
}

interface Forms {
  readonly byForm: Map<string, TextForm & { rows: number }>;
  rows: number;
}

function createForms(): Forms {
  return { byForm: new Map(), rows: 0 };
}

/** Forms that are counted; texts of others count together. */
const MOST_FORMS = 200;

function addForm(forms: Forms, text: string, rows: number): void {
  const isDate = DATE.test(text);
  // A text that is no date has no form to compare.
  const form = isDate ? formOf(text) : '';
  const known = forms.byForm.get(form);
  forms.rows += rows;
  if (known !== undefined) known.rows += rows;
  else if (forms.byForm.size < MOST_FORMS) forms.byForm.set(form, { rows, isDate, example: text });
}

/** A date with 9 for each digit and a for each word. */
function formOf(text: string): string {
  return text.replace(/\d/g, '9').replace(/[A-Za-z]+/g, 'a');
}

function oddTexts(
  { forms: known, side }: DateSide,
  { byForm, rows, isSample }: TextForms,
): { readonly text: string; readonly rows: number } | null {
  const odd = [...byForm].filter(([form, one]) => isOdd(form, one, rows, known)).map(([, one]) => one);
  const count = odd.reduce((sum, one) => sum + one.rows, 0);
  if (count < LEAST_ROWS || count < LEAST_SHARE * rows) return null;
  // A sketch holds a part of the texts: a rare form of the reference may be in none of them.
  if (isSample || known?.isSample === true) {
    const was = { hits: 0, rows: known?.rows ?? side.rows };
    const test = twoProportionZTest({ hits: count, rows }, was);
    if (test === null || test.p >= CERTAIN) return null;
  }
  const none = odd.reduce((sum, one) => sum + (one.isDate ? 0 : one.rows), 0);
  const share = (part: number) => `${numberText((100 * part) / rows)} %`;
  const says =
    none >= count / 2 ? `${share(none)} of values are no dates` : `${share(count)} of dates are written otherwise`;
  return { text: `${says}, as "${odd[0].example.slice(0, 40)}"`, rows: count };
}

/** Whether a form of the current texts is not one of the reference; a reference of times takes texts in the form of ISO 8601. */
function isOdd(form: string, { rows, isDate, example }: TextForm, of: number, known: TextForms | null): boolean {
  if (known === null) return !/^\d{4}-\d{2}-\d{2}/.test(example) || Number.isNaN(Date.parse(example));
  const was = known.byForm.get(form)?.rows ?? 0;
  if (isDate) return was === 0 && known.byForm.size < MOST_FORMS;
  // Texts that are no dates were a few before: they are odd where they are many more.
  if (was === 0) return true;
  const test = twoProportionZTest({ hits: rows, rows: of }, { hits: was, rows: known.rows });
  return test !== null && test.p < CERTAIN && rows / of >= 2 * (was / known.rows) && rows / of >= LEAST_RISE;
}

function oddNumbers(reference: DateSide, { side }: DateSide): { readonly text: string; readonly rows: number } | null {
  const filled = side.rows - side.missing;
  if (reference.forms !== null && filled > 0) return { text: 'dates were texts, and are numbers', rows: side.rows };
  if (side.distribution === null || !reference.isTime) return null;
  const rows = Math.round(placeholders(side.distribution));
  const was = reference.side.distribution === null ? 0 : placeholders(reference.side.distribution);
  if (was > 0 || rows < LEAST_ROWS || rows < LEAST_SHARE * filled) return null;
  const share = `${numberText((100 * rows) / filled)} %`;
  return { text: `${share} of dates stand for none: they are on the first day of 1970, or after 2900`, rows };
}

/** Rows whose instant stands for no date. */
function placeholders({ values, upTo }: Distribution): number {
  let rows = 0;
  for (const [i, value] of values.entries())
    if (Math.abs(value) < FIRST_DAY_MS || value >= LAST_MS) rows += upTo[i] - (upTo[i - 1] ?? 0);
  return rows;
}
