import type { ValueChange } from '../../ports/playbook-store.ts';
import { twoProportionZTest } from '../../stats/two-proportion-z-test.ts';
import type { ColumnSide } from './column-side.ts';
import { quantileOf } from './distribution.ts';

/** A fault of the data, not of the world: looked for before drift, and never learned from. */
export interface QualityFault {
  readonly kind: 'missing' | 'type' | 'range' | 'infinite' | 'spelling' | 'unit' | 'column' | 'volume' | 'late';
  /** One incident may be in several columns. */
  readonly columns: readonly string[];
  /** The source or view whose rows did not come in time; absent: the fault is in the columns themselves. */
  readonly source?: string;
  readonly text: string;
  /** Rows with it, where they are counted. */
  readonly rows: number | null;
  /** How sound values became faulty; absent: nobody knows. */
  readonly change?: ValueChange;
}

/** A share of missing values must rise by this much, and significantly, or appear where there was none. */
const MISSING_RISE = 0.01;
/** And its odds by this factor: a column that is missing in half of the rows varies by more than a hundredth of them. */
const MISSING_ODDS = 1.5;
const EVIDENCE = 0.001;

/** Faults of one column. `compared` is false for identifiers, whose values say nothing. */
export function qualityFaults(
  name: string,
  reference: ColumnSide,
  current: ColumnSide,
  compared: boolean,
): readonly QualityFault[] {
  const faults: QualityFault[] = [];
  const add = (kind: QualityFault['kind'], rows: number | null, text: string) => {
    faults.push({ kind, columns: [name], text, rows });
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
  signFault(reference, current, add);
  unitFault(reference, current, add);
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

type Add = (kind: QualityFault['kind'], rows: number | null, text: string) => void;

function missingFault(reference: ColumnSide, current: ColumnSide, add: Add): void {
  if (reference.rows === 0 || current.rows === 0) return;
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
    add('missing', current.missing, `missing in ${percent(is)} of rows, was ${percent(was)}`);
}

function signFault(reference: ColumnSide, current: ColumnSide, add: Add): void {
  if (reference.least === null || current.least === null || current.distribution === null) return;
  if (reference.least < 0 || current.least >= 0 || reference.rows < 1000) return;
  const { values, upTo, n } = current.distribution;
  let negative = 0;
  for (let i = 0; i < values.length && values[i] < 0; i += 1) negative = upTo[i];
  if (negative / n >= 0.001) add('range', negative, `${negative} values are below 0; none was`);
}

/** Factors between units that people mix up. */
const UNITS: readonly (readonly [number, string])[] = [
  [1000, 'thousand'],
  [60, 'minutes and seconds, or hours and minutes'],
  [3600, 'hours and seconds'],
  [100, 'percent or cents'],
  [1_000_000, 'million'],
  [24, 'days and hours'],
  [1.609344, 'miles and kilometres'],
  [2.20462262, 'kilograms and pounds'],
  [3.2808399, 'metres and feet'],
  [2.54, 'inches and centimetres'],
];
const QUANTILES = [0.1, 0.25, 0.5, 0.75, 0.9];

/** A factor that no population grows by, as a logarithm: a greater one need not be exact. */
const GREAT = Math.log(20);
/** Logarithms of factors that windows of one population differ by. */
const ALIKE = Math.log(2);

function unitFault(reference: ColumnSide, current: ColumnSide, add: Add): void {
  const [a, b] = [reference.distribution, current.distribution];
  if (a === null || b === null || a.n < 100 || b.n < 100 || reference.distinct < 20) return;
  const was = QUANTILES.map((q) => quantileOf(a, q) ?? 0);
  const is = QUANTILES.map((q) => quantileOf(b, q) ?? 0);
  const factor = greatFactor(was, is) ?? smallFactor(was, is);
  if (factor === null) return;
  const by = Math.exp(Math.abs(factor.log));
  const names = factor.units.map(([, name]) => name).join(', or ');
  add('unit', current.rows, `all values ${factor.log > 0 ? 'multiplied' : 'divided'} by about ${shown(by)} (${names})`);
}

interface Factor {
  readonly log: number;
  readonly units: typeof UNITS;
}

/** Pairs of quantiles whose distance is a spread: that of values around 0 too. */
const SPREADS = [
  [0, 4],
  [1, 3],
  [0, 2],
  [2, 4],
] as const;

/** Every spread grew by about the same factor, one that no population grows by, and near one between units. */
function greatFactor(was: readonly number[], is: readonly number[]): Factor | null {
  const logs = SPREADS.flatMap(([from, to]) => {
    const [x, y] = [was[to] - was[from], is[to] - is[from]];
    return x > 0 && y > 0 ? [Math.log(y / x)] : [];
  }).sort((x, y) => x - y);
  if (logs.length < 2) return null;
  const log = (logs[(logs.length - 1) >> 1] + logs[logs.length >> 1]) / 2;
  if (Math.abs(log) <= GREAT || logs.some((one) => Math.abs(one - log) > ALIKE)) return null;
  const units = UNITS.filter(([factor]) => Math.abs(Math.abs(log) - Math.log(factor)) < ALIKE);
  return units.length === 0 ? null : { log, units };
}

/** All five quantiles moved by one factor, and it is one between units. A share that is often 0 moves by 1.6 in the other three from week to week. */
function smallFactor(was: readonly number[], is: readonly number[]): Factor | null {
  const logs = was.flatMap((x, i) => (x !== 0 && x > 0 === is[i] > 0 && is[i] !== 0 ? [Math.log(is[i] / x)] : []));
  if (logs.length < QUANTILES.length) return null;
  const log = [...logs].sort((x, y) => x - y)[logs.length >> 1];
  if (logs.some((one) => Math.abs(one - log) > 0.05)) return null;
  const units = UNITS.filter(([factor]) => Math.abs(Math.abs(log) - Math.log(factor)) < 0.03);
  return units.length === 0 ? null : { log, units };
}

function shown(factor: number): string {
  return String(Number(factor.toPrecision(2)));
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

/** Levenshtein 1966; texts of very different length are far. */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2 || a.length > 64) return Number.POSITIVE_INFINITY;
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1)
      next.push(Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length];
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}
