import { numberText } from '../../base/number-text.ts';
import type { ValueChange } from '../../ports/playbook-store.ts';
import { twoProportionZTest } from '../../stats/two-proportion-z-test.ts';
import type { ColumnSide } from './column-side.ts';
import { quantileOf } from './distribution.ts';
import { repeatedValue } from './repeated-value.ts';
import { unitFault } from './unit-fault.ts';

/** A fault of the data, not of the world: looked for before drift, and never learned from. */
export interface QualityFault {
  readonly kind:
    | 'missing'
    | 'type'
    | 'range'
    | 'infinite'
    | 'repeated'
    | 'spelling'
    | 'unit'
    | 'sign'
    | 'format'
    | 'column'
    | 'volume'
    | 'late';
  /** One incident may be in several columns. */
  readonly columns: readonly string[];
  /** The source or view whose rows did not come in time; absent: the fault is in the columns themselves. */
  readonly source?: string;
  readonly text: string;
  /** Rows with it, where they are counted. */
  readonly rows: number | null;
  /** The share of rows with it in the reference; absent: nobody counts them. */
  readonly was?: number;
  /** How sound values became faulty; absent: nobody knows. */
  readonly change?: ValueChange;
}

/** A share of missing values must rise by this much, and significantly, or appear where there was none. */
const MISSING_RISE = 0.01;
/** And its odds by this factor: a column that is missing in half of the rows varies by more than a hundredth of them. */
const MISSING_ODDS = 1.5;
const EVIDENCE = 0.001;
/** Rows below which nothing is a fault: a single row without a value is all of its window. */
const LEAST_ROWS = 5;

/** Faults of one column. `compared` is false for identifiers, whose values say nothing. */
export function qualityFaults(
  name: string,
  reference: ColumnSide,
  current: ColumnSide,
  compared: boolean,
): readonly QualityFault[] {
  if (current.rows < LEAST_ROWS) return [];
  const faults: QualityFault[] = [];
  const add: Add = (kind, rows, text, known) => {
    faults.push({ kind, columns: [name], text, rows, ...known });
  };
  missingFault(reference, current, add);
  if (reference.rows > 0 && reference.missing === reference.rows && current.missing < current.rows)
    add('column', current.rows - current.missing, 'has values now; all were missing before');
  if (reference.type !== current.type && current.rows > current.missing && reference.rows > reference.missing) {
    add('type', current.rows, `was ${reference.type}, is ${current.type}`);
    return faults;
  }
  if (current.infinite > 0 && reference.infinite === 0)
    add('infinite', current.infinite, `${current.infinite} values are infinite; none was`);
  if (!compared) return faults;
  numberFault(reference, current, add);
  spellingFault(reference, current, add);
  return faults;
}

/** Whether missing values of a column are a fault, which then says nothing about its distribution. */
export function missingRose(reference: ColumnSide, current: ColumnSide): boolean {
  let rose = false;
  missingFault(reference, current, () => {
    rose = true;
  });
  return rose;
}

type Add = (
  kind: QualityFault['kind'],
  rows: number | null,
  text: string,
  known?: Pick<QualityFault, 'change' | 'was'>,
) => void;

function missingFault(reference: ColumnSide, current: ColumnSide, add: Add): void {
  if (reference.rows === 0 || current.rows < LEAST_ROWS) return;
  const was = reference.missing / reference.rows;
  const is = current.missing / current.rows;
  if (is <= was) return;
  const test = twoProportionZTest(
    { hits: current.missing, rows: current.rows },
    { hits: reference.missing, rows: reference.rows },
  );
  const appeared = reference.missing === 0 && reference.rows >= 1000;
  if (
    test !== null &&
    test.p < EVIDENCE &&
    (appeared || (is - was >= MISSING_RISE && is * (1 - was) >= MISSING_ODDS * was * (1 - is)))
  )
    add('missing', current.missing, `missing in ${percent(is)} of rows, was ${percent(was)}`, {
      change: { share: is, to: null },
      was,
    });
}

/** Faults of numbers: a value that repeats, another unit or sign, or values below 0. One of them explains the others. */
function numberFault(reference: ColumnSide, current: ColumnSide, add: Add): void {
  const repeated = repeatedValue(reference, current);
  if (repeated !== null) {
    const { value, rows, share, wasShare } = repeated;
    add('repeated', rows, `${value} in ${percent(share)} of values, was ${percent(wasShare)}`, {
      change: { share, to: value },
    });
    return;
  }
  const unit = unitFault(reference, current);
  if (unit !== null) add(unit.kind, unit.rows, unit.text, { change: unit.change });
  else signFault(reference, current, add);
}

/** Values below 0 that are more than a single mistake. */
const LEAST_NEGATIVE = 3;

function signFault(reference: ColumnSide, current: ColumnSide, add: Add): void {
  if (reference.least === null || current.least === null || current.distribution === null) return;
  if (reference.least < 0 || current.least >= 0 || reference.rows < 1000) return;
  const { values, upTo, n } = current.distribution;
  let negative = 0;
  for (let i = 0; i < values.length && values[i] < 0; i += 1) negative = upTo[i];
  if (negative < LEAST_NEGATIVE || negative / n < 0.001) return;
  // A tail that just crosses 0 is none: these values lie farther off than the lowest twentieth of the reference is wide.
  const edge = reference.distribution === null ? null : quantileOf(reference.distribution, 0.05);
  const middle = quantileOf(current.distribution, negative / n / 2) ?? 0;
  if (edge === null || middle < reference.least - (edge - reference.least))
    add('range', negative, `${negative} values are below 0; none was`);
}

/** A misspelt value has this many rows, and this share of them: fewer are a new value or a single mistake. */
const LEAST_SPELT = 5;
const LEAST_SPELT_SHARE = 0.001;

/** An unseen value that differs from a known one by case, blanks or a letter, and stands in its place. */
function spellingFault(reference: ColumnSide, current: ColumnSide, add: Add): void {
  if (reference.type !== 'text' || reference.values === null || current.values === null || reference.offset > 0) return;
  const known = [...reference.values.keys()];
  if (known.length > 200) return;
  for (const [value, rows] of current.values) {
    if (reference.values.has(value)) continue;
    const near = known.find((one) => isNear(value, one));
    if (near !== undefined && isInPlaceOf(near, value, reference, current))
      add('spelling', rows, `"${value}" in ${rows} rows looks like "${near}"`);
  }
}

/** Whether a known value fell as the new one rose. One that differs by case or blanks alone needs no such witness. */
function isInPlaceOf(known: string, value: string, reference: ColumnSide, current: ColumnSide): boolean {
  const [n, m] = [reference.rows - reference.missing, current.rows - current.missing];
  const rows = current.values?.get(value) ?? 0;
  if (rows < LEAST_SPELT || rows < LEAST_SPELT_SHARE * m) return false;
  if (isSameBut(value, known)) return true;
  const was = { hits: reference.values?.get(known) ?? 0, rows: n };
  const is = { hits: current.values?.get(known) ?? 0, rows: m };
  const fall = was.hits / n - is.hits / m;
  const test = twoProportionZTest(is, was);
  return test !== null && test.p < EVIDENCE && fall >= rows / m / 2;
}

function isNear(value: string, known: string): boolean {
  if (isSameBut(value, known)) return true;
  if (/\d/.test(value) || Math.min(value.length, known.length) < 4) return false;
  return editDistance(value, known) <= (Math.min(value.length, known.length) < 8 ? 1 : 2);
}

/** Whether two texts differ by case and outer blanks alone. */
function isSameBut(value: string, known: string): boolean {
  return value.trim().toLowerCase() === known.trim().toLowerCase();
}

/** Damerau 1964, without a second edit of transposed letters; texts of very different length are far. */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2 || a.length > 64) return Number.POSITIVE_INFINITY;
  let before: readonly number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const edited = Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
      const isTurned = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      next.push(isTurned ? Math.min(edited, before[j - 2] + 1) : edited);
    }
    before = row;
    row = next;
  }
  return row[b.length];
}

function percent(share: number): string {
  return `${numberText(share * 100)} %`;
}
