import { numberText } from '../base/number-text.ts';
import type { FaultyRows, ValueChange } from '../ports/playbook-store.ts';
import { normalSf } from '../stats/distributions/normal.ts';
import { type Moments, NO_MOMENTS, varianceOf, withValue } from '../stats/moments.ts';
import { type LabelledRows, type LoadedVersion, scoresOf } from './compare-versions.ts';
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
  /** `gain`: the remedy is certainly better than the fault. `loss`: certainly worse. `none`: neither, or too few rows. */
  readonly verdict: 'gain' | 'loss' | 'none';
  /** The rows that decided: labelled ones of the fault, or sound ones in which the fault was simulated. */
  readonly basis: 'labels' | 'reference' | 'nothing';
  readonly reason: string;
  readonly rows: number;
}

/** Changed rows below which a slice says nothing. */
export const LEAST_CHANGED = 50;

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

/** The losses of a version on labelled rows with a remedy and without. */
export async function slicedRemedy(
  { columns, labels }: LabelledRows,
  version: LoadedVersion,
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
export function remedyTrial(labelled: TriedSlice, simulated: TriedSlice | null): RemedyTrial {
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

function verdictOf({ changed: { n, mean }, changed: difference }: TriedSlice): RemedyTrial['verdict'] {
  if (n < LEAST_CHANGED || mean === 0) return 'none';
  const error = Math.sqrt(varianceOf(difference) / n);
  const p = error === 0 ? 0 : normalSf(Math.abs(mean) / error);
  if (p > TRIAL_ALPHA) return 'none';
  return mean < 0 ? 'gain' : 'loss';
}
