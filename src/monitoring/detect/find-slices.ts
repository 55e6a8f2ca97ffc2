import type { ColumnValues } from '../../ports/table-file.ts';
import { normalSf } from '../../stats/distributions/normal.ts';
import { adjustedP } from '../../stats/multiple-testing.ts';
import { binOf, edgeBins, type FrozenBins, valueBins } from '../profile/frozen-bins.ts';
import type { ExcludedColumn } from './choose-columns.ts';
import { sideOfValues } from './column-side.ts';
import { quantileOf } from './distribution.ts';
import { kindOf, whyExcluded } from './feature-kind.ts';

/** A slice of rows, by one condition or two, whose loss is higher than that of the rest. */
export interface FoundSlice {
  /** `amount ≥ 50.2`, `country = de`, `country is missing`. */
  readonly conditions: readonly string[];
  readonly rows: number;
  /** Mean loss inside and outside. */
  readonly loss: number;
  readonly restLoss: number;
  /** After Benjamini–Yekutieli over every slice that was looked at: slices overlap, so their tests depend on each other. */
  readonly adjustedP: number;
}

export interface FoundSlices {
  readonly rows: number;
  readonly loss: number;
  /** Slices that were tested. */
  readonly looked: number;
  /** The worst first, at most 20. */
  readonly slices: readonly FoundSlice[];
  /** Columns that were not looked at, each with its reason. */
  readonly excluded: readonly ExcludedColumn[];
}

const MOST_SLICES = 20;
const MOST_FEATURES = 24;
const MOST_VALUES = 12;
const LEAST_ROWS = 50;
const LEAST_SHARE = 0.005;
const ALPHA = 0.05;

/** A pair of conditions must be worse than each of them alone, by this many standard errors. */
const WORSE = 3;

interface Feature {
  readonly name: string;
  readonly bins: FrozenBins;
  readonly codes: Uint8Array;
}

interface Sums {
  readonly n: Float64Array;
  readonly sum: Float64Array;
  readonly squares: Float64Array;
}

interface Candidate {
  readonly parts: readonly (readonly [feature: number, code: number])[];
  readonly n: number;
  readonly mean: number;
  readonly variance: number;
  readonly p: number;
  readonly restLoss: number;
}

/** Looks at every slice of one feature and of two, of at least 50 rows and half a percent. Losses are finite, one for each row. */
export function findSlices(columns: ReadonlyMap<string, ColumnValues>, losses: Float64Array): FoundSlices {
  const { features, excluded } = featuresOf(columns);
  const whole = wholeOf(losses);
  const least = Math.max(LEAST_ROWS, Math.ceil(LEAST_SHARE * losses.length));
  const singles = features.map((_, f) => sumsOf(losses, features, [f]));
  const candidates: Candidate[] = [];
  for (const [f, { bins }] of features.entries())
    for (let code = 0; code <= bins.count; code += 1) add(candidates, [[f, code]], singles[f], code, { whole, least });
  const alone = new Map(candidates.map((one) => [keyOf(one.parts[0]), one]));
  for (let a = 0; a < features.length; a += 1)
    for (let b = a + 1; b < features.length; b += 1) {
      const sums = sumsOf(losses, features, [a, b]);
      const width = features[b].bins.count + 1;
      for (let cell = 0; cell < sums.n.length; cell += 1)
        add(
          candidates,
          [
            [a, Math.floor(cell / width)],
            [b, cell % width],
          ],
          sums,
          cell,
          { whole, least },
        );
    }
  const adjusted = adjustedP(
    candidates.map(({ p }) => p),
    'benjamini-yekutieli',
  );
  const slices = candidates
    .map((one, i) => ({ one, adjusted: adjusted[i] }))
    .filter(({ one, adjusted: p }) => p <= ALPHA && isOwn(one, alone))
    .sort((x, y) => y.one.mean - x.one.mean || y.one.n - x.one.n)
    .slice(0, MOST_SLICES)
    .map(
      ({ one, adjusted: p }): FoundSlice => ({
        conditions: one.parts.map(([f, code]) => conditionText(features[f], code)),
        rows: one.n,
        loss: one.mean,
        restLoss: one.restLoss,
        adjustedP: p,
      }),
    );
  return { rows: losses.length, loss: whole.mean, looked: candidates.length, slices, excluded };
}

function featuresOf(columns: ReadonlyMap<string, ColumnValues>): {
  readonly features: readonly Feature[];
  readonly excluded: readonly ExcludedColumn[];
} {
  const features: Feature[] = [];
  const excluded: ExcludedColumn[] = [];
  for (const [name, values] of columns) {
    const side = sideOfValues(values);
    const kind = kindOf(side);
    const reason = whyExcluded(kind) ?? (features.length < MOST_FEATURES ? null : `the first ${MOST_FEATURES} are`);
    if (reason !== null) {
      excluded.push({ name, reason });
      continue;
    }
    const { distribution } = side;
    const bins =
      kind === 'number' && distribution !== null
        ? edgeBins(new Set([0.2, 0.4, 0.6, 0.8].flatMap((q) => quantileOf(distribution, q) ?? [])))
        : valueBins(frequentValues(side.values));
    const codes = new Uint8Array(values.length);
    for (let i = 0; i < values.length; i += 1) codes[i] = binOf(bins, values[i]);
    features.push({ name, bins, codes });
  }
  return { features, excluded };
}

function frequentValues(values: ReadonlyMap<string, number> | null): readonly string[] {
  const sorted = [...(values ?? [])].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  return sorted.slice(0, MOST_VALUES).map(([value]) => value);
}

function wholeOf(losses: Float64Array): {
  readonly n: number;
  readonly mean: number;
  readonly squares: number;
  readonly sum: number;
} {
  let sum = 0;
  let squares = 0;
  for (const loss of losses) {
    sum += loss;
    squares += loss * loss;
  }
  return { n: losses.length, mean: losses.length === 0 ? 0 : sum / losses.length, sum, squares };
}

/** Counts, sums and squares of the losses by the cells of one feature or two. Hot path. */
function sumsOf(losses: Float64Array, features: readonly Feature[], chosen: readonly number[]): Sums {
  const [first, second] = chosen.map((f) => features[f]);
  const width = second === undefined ? 1 : second.bins.count + 1;
  const size = (first.bins.count + 1) * width;
  const sums: Sums = { n: new Float64Array(size), sum: new Float64Array(size), squares: new Float64Array(size) };
  for (let i = 0; i < losses.length; i += 1) {
    const cell = first.codes[i] * width + (second === undefined ? 0 : second.codes[i]);
    const loss = losses[i];
    sums.n[cell] += 1;
    sums.sum[cell] += loss;
    sums.squares[cell] += loss * loss;
  }
  return sums;
}

interface Bounds {
  readonly whole: ReturnType<typeof wholeOf>;
  readonly least: number;
}

/** Welch's test of the slice against the rest, one-sided; both have 50 rows at least, so that the normal law serves. */
function add(to: Candidate[], parts: Candidate['parts'], sums: Sums, cell: number, { whole, least }: Bounds): void {
  const n = sums.n[cell];
  const rest = whole.n - n;
  if (n < least || rest < least) return;
  const mean = sums.sum[cell] / n;
  const variance = Math.max(0, sums.squares[cell] / n - mean * mean);
  const restLoss = (whole.sum - sums.sum[cell]) / rest;
  const restVariance = Math.max(0, (whole.squares - sums.squares[cell]) / rest - restLoss * restLoss);
  const error = Math.sqrt(variance / n + restVariance / rest);
  const gap = mean - restLoss;
  const p = error === 0 ? (gap > 0 ? 0 : 1) : normalSf(gap / error);
  to.push({ parts, n, mean, variance, p, restLoss });
}

/** Whether a slice of two conditions is worse than each alone: otherwise that one says it all. */
function isOwn(slice: Candidate, alone: ReadonlyMap<string, Candidate>): boolean {
  if (slice.parts.length === 1) return true;
  return slice.parts.every((part) => {
    const parent = alone.get(keyOf(part));
    if (parent === undefined) return true;
    const error = Math.sqrt(slice.variance / slice.n + parent.variance / parent.n);
    return slice.mean - parent.mean > WORSE * error;
  });
}

function keyOf([feature, code]: readonly [number, number]): string {
  return `${feature}/${code}`;
}

function conditionText({ name, bins }: Feature, code: number): string {
  if (code === bins.count) return `${name} is missing`;
  if (bins.kind === 'values') {
    const value = [...bins.values.keys()][code];
    return value === undefined ? `${name} is another value` : `${name} = ${value}`;
  }
  const [low, high] = [bins.edges[code - 1], bins.edges[code]].map((edge) =>
    edge === undefined ? null : Number(edge.toPrecision(6)),
  );
  if (low === null) return `${name} < ${high}`;
  return high === null ? `${name} ≥ ${low}` : `${low} ≤ ${name} < ${high}`;
}
