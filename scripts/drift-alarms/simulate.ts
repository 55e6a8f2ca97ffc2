import { type Random, randomNormal, seededRandom } from '../../src/base/rng.ts';
import { sideOfSketch } from '../../src/monitoring/detect/column-side.ts';
import { kindOf } from '../../src/monitoring/detect/feature-kind.ts';
import { referenceBins } from '../../src/monitoring/detect/reference-bins.ts';
import { HOURS_OF_WEEK, hourOfWeek, type SeasonalCounts } from '../../src/monitoring/detect/seasonal-counts.ts';
import { compareToReference } from '../../src/monitoring/monitor/compare-to-reference.ts';
import { type Reference, wholeReference } from '../../src/monitoring/monitor/reference.ts';
import { SeasonalBuilder } from '../../src/monitoring/monitor/seasonal-builder.ts';
import { addNumber, createColumnSketch } from '../../src/monitoring/profile/column-sketch.ts';
import { createProfile, type Profile } from '../../src/monitoring/profile/profile.ts';

/** What a stream of hourly windows is like when nothing drifts. */
export interface Cell {
  /** Rows of a window. */
  readonly n: number;
  /** Autocorrelation from row to row. */
  readonly rho: number;
  /** Shift at weekends, in standard deviations. */
  readonly season: number;
}

export interface Alarms {
  readonly windows: number;
  /** Pages: alarms of the default monitor begin; windows in which a rule is beyond its limit for at least one feature. */
  readonly pages: { readonly default: number; readonly psi: number; readonly ks: number; readonly evidently: number };
  /** Windows in which at least half of the features are drifted by Evidently's default: its data set drift. */
  readonly evidentlyHalf: number;
}

export const FEATURES = 100;
/** Hours of the reference: four weeks. */
const REFERENCE_HOURS = 672;
const CHUNKS = 10;
const HOUR_MS = 3_600_000;
/** Most rows of the reference's hours: a training set holds a part of the traffic. */
const MOST_REFERENCE_ROWS = 100_000;
const [K, OF] = [2, 3];
/** Evidently 0.7, more than 1,000 rows of reference: W₁ over the standard deviation of the reference, from 0.1. */
const EVIDENTLY = 0.1;

/** One feature: AR(1) of unit variance, and a weekly season. */
interface Feature {
  readonly random: Random;
  last: number;
}

function addHour(
  add: (value: number) => void,
  feature: Feature,
  rows: number,
  { rho, season }: Cell,
  hour: number,
  shift = 0,
): void {
  const { random } = feature;
  const noise = Math.sqrt(1 - rho * rho);
  const level = shift + (Math.floor(hour / 24) % 7 >= 5 ? season : 0);
  for (let i = 0; i < rows; i += 1) {
    feature.last = rho * feature.last + noise * randomNormal(random);
    add(feature.last + level);
  }
}

/** The reference of all features, as a training registers it: ten chunks in the order of time over frozen bins. */
function referenceOf(cell: Cell, seed: number, features: number): Reference {
  const rows = Math.max(1, Math.min(cell.n, Math.floor(MOST_REFERENCE_ROWS / REFERENCE_HOURS)));
  const chunks = Array.from({ length: CHUNKS }, () => createProfile());
  const byHour: SeasonalCounts[] = [];
  for (let f = 0; f < features; f += 1) {
    const first = createColumnSketch('number');
    const fill = (add: (value: number, hour: number) => void) => {
      const feature = { random: seededRandom(seed + f), last: 0 };
      for (let hour = 0; hour < REFERENCE_HOURS; hour += 1)
        addHour((value) => add(value, hour), feature, rows, cell, hour);
    };
    fill((value) => addNumber(first, value));
    const side = sideOfSketch(first);
    const bins = referenceBins(side, kindOf(side));
    const sketches = chunks.map((chunk) => {
      const sketch = createColumnSketch('number', bins);
      chunk.columns.set(`f${f}`, sketch);
      return sketch;
    });
    const seasonal = new SeasonalBuilder([{ name: `f${f}`, type: 'number', bins }]);
    const values: number[] = [];
    const hours: number[] = [];
    fill((value, hour) => {
      addNumber(sketches[Math.floor((hour * CHUNKS) / REFERENCE_HOURS)], value);
      values.push(value);
      hours.push(hour);
    });
    const times = Float64Array.from(hours, (hour) => hour * HOUR_MS);
    for (let from = 0; from < values.length; from += rows)
      seasonal.add(Math.floor((hours[from] * CHUNKS) / REFERENCE_HOURS), times, [values], { from, to: from + rows });
    const counts = seasonal.finish();
    if (counts !== null) byHour.push(counts);
  }
  for (const chunk of chunks) chunk.rows = chunk.columns.get('f0')?.rows ?? 0;
  // Cells are the same for all features: every hour has rows.
  const columns = new Map(byHour.flatMap((one) => [...one.columns]));
  return { createdAt: 0, chunks, seasonal: { ...byHour[0], columns } };
}

/** One window of all features. */
function windowOf(
  whole: Profile,
  features: readonly Feature[],
  cell: Cell,
  hour: number,
  shifts: ReadonlyMap<number, number>,
): Profile {
  const profile = createProfile();
  profile.rows = cell.n;
  features.forEach((feature, f) => {
    const sketch = createColumnSketch('number', whole.columns.get(`f${f}`)?.bins ?? null);
    addHour((value) => addNumber(sketch, value), feature, cell.n, cell, hour, shifts.get(f) ?? 0);
    profile.columns.set(`f${f}`, sketch);
  });
  return profile;
}

/** Judges windows without drift by the path of a monitor: profiles over the reference's bins, limits of its chunks. */
export function falseAlarms(cell: Cell, windows: number, seed: number, count = FEATURES): Alarms {
  const reference = referenceOf(cell, seed, count);
  const whole = wholeReference(reference);
  const features = Array.from({ length: count }, (_, f) => ({ random: seededRandom(seed + 1000 + f), last: 0 }));
  const pages = { default: 0, psi: 0, ks: 0, evidently: 0 };
  let evidentlyHalf = 0;
  const drifted: boolean[] = [];
  let isOpen = false;
  for (let w = 0; w < windows; w += 1) {
    // Four weeks of reference end with a weekend: every hour of the week comes in turn.
    const found = compared(reference, whole, windowOf(whole, features, cell, w, new Map()), w);
    pages.psi += found.psi > 0 ? 1 : 0;
    pages.ks += found.ks > 0 ? 1 : 0;
    pages.evidently += found.evidently > 0 ? 1 : 0;
    evidentlyHalf += found.evidently >= count / 2 ? 1 : 0;
    drifted.push(found.verdict === 'drift');
    const isAlarm = drifted.slice(-OF).filter(Boolean).length >= K;
    if (isAlarm && !isOpen) pages.default += 1;
    isOpen = isAlarm || (isOpen && found.verdict === 'drift');
  }
  return { windows, pages, evidentlyHalf };
}

/** Runs in which a shift of one feature is alarmed within three windows. */
export function power(cell: Cell, shift: number, runs: number, seed: number): number {
  const reference = referenceOf(cell, seed, FEATURES);
  const whole = wholeReference(reference);
  let hits = 0;
  for (let run = 0; run < runs; run += 1) {
    const features = Array.from({ length: FEATURES }, (_, f) => ({
      random: seededRandom(seed + 5000 + run * FEATURES + f),
      last: 0,
    }));
    const states: boolean[] = [];
    for (let w = 0; w < OF; w += 1) {
      const profile = windowOf(whole, features, cell, w, new Map([[7, shift]]));
      states.push(compared(reference, whole, profile, w).names.includes('f7'));
    }
    if (states.filter(Boolean).length >= K) hits += 1;
  }
  return hits;
}

interface Found {
  readonly verdict: string;
  readonly names: readonly string[];
  /** Features beyond the usual rules. */
  readonly psi: number;
  readonly ks: number;
  readonly evidently: number;
}

function compared(reference: Reference, whole: Profile, profile: Profile, hour: number): Found {
  const hours = new Float64Array(HOURS_OF_WEEK);
  hours[hourOfWeek(hour * HOUR_MS)] = profile.rows;
  const judged = (rule: string) =>
    compareToReference(
      { ...reference, name: 'reference', whole },
      { name: 'window', profile, hours },
      { rule, windowMs: HOUR_MS },
    ).comparison;
  const [own, usual] = [judged('default'), judged('psi>0.2')];
  const flagged = (rule: string) => usual.falseAlarms.find((cost) => cost.rule === rule)?.flagged ?? 0;
  return {
    verdict: own.verdict,
    names: own.features.filter(({ state }) => state === 'drift').map(({ name }) => name),
    psi: flagged('psi>0.2'),
    ks: flagged('ks<0.05'),
    evidently: usual.features.filter(({ effect }) => (effect?.wasserstein ?? 0) >= EVIDENTLY).length,
  };
}
