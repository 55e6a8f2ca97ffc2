import { numberText } from '../base/number-text.ts';
import type { FaultyRows, ValueChange } from '../ports/playbook-store.ts';
import { normalSf } from '../stats/distributions/normal.ts';
import { type Moments, NO_MOMENTS, varianceOf, withValue } from '../stats/moments.ts';
import type { PatientScorer } from '../versions/cache/registered-versions.ts';
import { type LabelledRows, scoresOf } from './compare-versions.ts';
import { isFaultyNumber } from './faulty-rows.ts';

/** Numbers of a model's features by column; NaN where one is missing. */
export type Columns = ReadonlyMap<string, Float64Array>;

/** The declared values of some features, null for a missing one, and the rows that get them. */
export interface RemedyValues {
  readonly features: readonly string[];
  readonly rows: FaultyRows;
  readonly values: Readonly<Record<string, number | boolean | null>>;
}

/** The losses of a version on rows with the values as they are, and with declared values in the faulty rows. */
export interface TriedSlice {
  /** Rows in which the remedy changes a value: no other row says anything about it. */
  readonly changed: Moments;
  readonly asIs: number;
  readonly replaced: number;
}

/** The outcome of a trial. */
export interface RemedyTrial {
  /**
   * `gain`: the remedy is certainly better than the fault. `loss`: certainly worse. `none`: neither, or too few rows. `early`: better, and
   * the fault is too young for that to pay for the sound rows that get the declared value after its end.
   */
  readonly verdict: 'gain' | 'loss' | 'none' | 'early';
  /** The rows that decided: labelled ones of the fault, or sound ones in which the fault was simulated. */
  readonly basis: 'labels' | 'reference' | 'nothing';
  readonly reason: string;
  readonly rows: number;
}

/** A remedy that is tried, and the fault that it is against. */
export interface TriedRemedy extends RemedyValues {
  /** How sound values became faulty; null: nobody knows. */
  readonly change: ValueChange | null;
  /** How long the fault has been seen. */
  readonly ageMs: number;
  /** How long its end takes to be seen: a window. */
  readonly seenMs: number;
}

/** Changed rows below which a slice says nothing. */
const LEAST_CHANGED = 50;

/** Standard errors of a mean at that chance. */
const SURE = 2.33;

/** A change that is in about all rows can be taken back in them. */
const ALL = 0.95;

/** Chance that a remedy without gain passes one trial. */
const TRIAL_ALPHA = 0.01;

/** The columns of some features. Numbers of an embedding have the feature's name and their place. */
function columnsOf(columns: Columns, features: readonly string[]): readonly string[] {
  return [...columns.keys()].filter((name) =>
    features.some((feature) => name === feature || name.startsWith(`${feature}[`)),
  );
}

/** Columns in which the faulty rows of some features have declared values, NaN where none is declared. */
export function replacedColumns(columns: Columns, { features, rows, values }: RemedyValues): Columns {
  const next = new Map(columns);
  for (const name of columnsOf(columns, features)) {
    const value = values[name] ?? null;
    const put = value === null ? Number.NaN : Number(value);
    const is = isFaultyNumber(rows);
    next.set(
      name,
      (columns.get(name) ?? new Float64Array(0)).map((one) => (is(one) ? put : one)),
    );
  }
  return next;
}

/** Sound columns with a fault in them, in every `1 / share`-th row. */
export function faultyColumns(columns: Columns, features: readonly string[], change: ValueChange): Columns {
  const next = new Map(columns);
  for (const name of columnsOf(columns, features)) {
    const sound = columns.get(name) ?? new Float64Array(0);
    next.set(
      name,
      sound.map((one, i) => (isHit(i, change.share) ? changed(one, change) : one)),
    );
  }
  return next;
}

/** Whether the fault is in a row: spread evenly, and the same in each replay. */
function isHit(row: number, share: number): boolean {
  return Math.floor((row + 1) * share) > Math.floor(row * share);
}

function changed(value: number, { times = 1, plus = 0, to }: ValueChange): number {
  return to === undefined ? value * times + plus : (to ?? Number.NaN);
}

/** Values as they were before a change that was in all rows; null: it cannot be taken back. */
function restoredColumns(columns: Columns, features: readonly string[], change: ValueChange | null): Columns | null {
  if (change === null || change.share < ALL || change.to !== undefined) return null;
  const { times = 1, plus = 0 } = change;
  if (times === 0) return null;
  const next = new Map(columns);
  for (const name of columnsOf(columns, features))
    next.set(
      name,
      (columns.get(name) ?? new Float64Array(0)).map((one) => (one - plus) / times),
    );
  return next;
}

/**
 * Measures a remedy on labelled rows with the fault, or on sound ones with the fault put in. Where no row says whether it is faulty,
 * sound rows get the declared value too, from the end of the fault until it is seen: the gain must pay for them.
 */
export async function tryOn(
  read: (rows: 'fault' | 'sound') => Promise<LabelledRows>,
  version: PatientScorer,
  remedy: TriedRemedy,
  loss: (score: number, label: number) => number,
): Promise<RemedyTrial> {
  const { change, features, rows } = remedy;
  const slice = (columns: Columns, { labels }: LabelledRows) =>
    slicedRemedy({ columns, labels }, version, remedy, loss);
  const faulty = await read('fault');
  const labelled = await slice(faulty.columns, faulty);
  const isLabelled = labelled.changed.n >= LEAST_CHANGED;
  if (isLabelled && rows !== 'all') return remedyTrial(labelled, null);
  if (!isLabelled && change === null) return remedyTrial(labelled, null);
  const sound = await read('sound');
  const simulated =
    isLabelled || change === null ? null : await slice(faultyColumns(sound.columns, features, change), sound);
  const trial = remedyTrial(labelled, simulated);
  if (rows !== 'all' || trial.verdict !== 'gain') return trial;
  const restored = restoredColumns(faulty.columns, features, change);
  const after = [
    { tried: await slice(sound.columns, sound), of: sound.labels.length },
    ...(restored === null ? [] : [{ tried: await slice(restored, faulty), of: faulty.labels.length }]),
  ];
  const [tried, of] = isLabelled ? [labelled, faulty.labels.length] : [simulated ?? labelled, sound.labels.length];
  return paid(trial, -costOf(tried, of, SURE), after, remedy);
}

/** The loss that a remedy adds to a row, over all rows, some standard errors above its mean. */
function costOf({ changed }: TriedSlice, rows: number, errors: number): number {
  const { n, mean } = changed;
  return rows === 0 || n === 0 ? 0 : ((mean + errors * Math.sqrt(varianceOf(changed) / n)) * n) / rows;
}

/** A gain, or `early` where it does not pay yet for the end of the fault. */
function paid(
  trial: RemedyTrial,
  gain: number,
  after: readonly { readonly tried: TriedSlice; readonly of: number }[],
  { ageMs, seenMs }: TriedRemedy,
): RemedyTrial {
  const measured = after.filter(({ tried }) => tried.changed.n >= LEAST_CHANGED);
  if (measured.length === 0)
    return { ...trial, verdict: 'early', reason: `${trial.reason}; its cost in sound rows was not measured` };
  const cost = Math.max(...measured.map(({ tried, of }) => costOf(tried, of, SURE)));
  if (gain * ageMs >= cost * seenMs) return trial;
  const says = `sound rows may lose ${numberText(cost)} each until its end is seen, and ${numberText(gain)} is sure now`;
  return { ...trial, verdict: 'early', reason: `${trial.reason}; the fault is too young to pay: ${says}` };
}

/** The losses of a version on labelled rows with a remedy and without. */
async function slicedRemedy(
  { columns, labels }: LabelledRows,
  version: PatientScorer,
  remedy: RemedyValues,
  loss: (score: number, label: number) => number,
): Promise<TriedSlice> {
  const replaced = replacedColumns(columns, remedy);
  const both = [...replaced].map(([name, values]) => [values, columns.get(name) ?? values] as const);
  const kept = both.filter(([values, before]) => values !== before);
  const isChanged = (row: number) => kept.some(([values, before]) => !Object.is(values[row], before[row]));
  const theirs = await scoresOf(columns, labels.length, version);
  const ours = await scoresOf(replaced, labels.length, version);
  let [changed, asIs, remedied] = [NO_MOMENTS, NO_MOMENTS, NO_MOMENTS];
  for (let i = 0; i < labels.length; i += 1) {
    if (!isChanged(i)) continue;
    const [a, b] = [loss(theirs[i], labels[i]), loss(ours[i], labels[i])];
    asIs = withValue(asIs, a);
    remedied = withValue(remedied, b);
    changed = withValue(changed, b - a);
  }
  return { changed, asIs: asIs.mean, replaced: remedied.mean };
}

/**
 * Judges a remedy. The labelled rows of the fault decide where there are enough of them; otherwise sound rows in which the fault was
 * simulated; null: it was not.
 */
function remedyTrial(labelled: TriedSlice, simulated: TriedSlice | null): RemedyTrial {
  if (labelled.changed.n >= LEAST_CHANGED) return found('labels', labelled);
  if (simulated !== null && simulated.changed.n >= LEAST_CHANGED) return found('reference', simulated);
  return {
    verdict: 'none',
    basis: 'nothing',
    rows: labelled.changed.n,
    reason: `the remedy was not measured: ${labelled.changed.n} labelled rows with the fault, ${LEAST_CHANGED} needed`,
  };
}

const WHERE = { labels: 'labelled rows with the fault', reference: 'sound rows with the fault put in' } as const;

function found(basis: 'labels' | 'reference', slice: TriedSlice): RemedyTrial {
  const verdict = verdictOf(slice);
  const { n } = slice.changed;
  const says = `loss on ${n} ${WHERE[basis]} ${numberText(slice.replaced)} with the declared value, ${numberText(slice.asIs)} without`;
  const word = { gain: 'a certain gain', loss: 'the remedy costs more than the fault', none: 'no certain gain' }[
    verdict
  ];
  return { verdict, basis, rows: n, reason: `${word}: ${says}` };
}

function verdictOf({ changed: { n, mean }, changed: difference }: TriedSlice): 'gain' | 'loss' | 'none' {
  if (n < LEAST_CHANGED || mean === 0) return 'none';
  const error = Math.sqrt(varianceOf(difference) / n);
  const p = error === 0 ? 0 : normalSf(Math.abs(mean) / error);
  if (p > TRIAL_ALPHA) return 'none';
  return mean < 0 ? 'gain' : 'loss';
}

/** Whether a version reads one of these features, or an element of one. */
export function isRead({ version }: PatientScorer, features: readonly string[]): boolean {
  return version.signature.features.some((name) => features.some((one) => name === one || name.startsWith(`${one}[`)));
}
