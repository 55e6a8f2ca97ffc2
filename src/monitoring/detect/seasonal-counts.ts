import { populationStabilityIndex } from '../../stats/population-stability-index.ts';
import { limitOfLooks } from './calibrate.ts';
import { type Dependence, dependenceOf, dependentLimit, type ValueLook } from './dependent-limit.ts';
import type { DriftLimit } from './feature-comparison.ts';
import { LEAST_SEASONS, MOST_UNMATCHED } from './season.ts';

export const HOURS_OF_WEEK = 168;
const HOURS_OF_DAY = 24;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const WEEK_MS = 7 * DAY_MS;

/** Rows of the reference below which an hour is no comparison: those that a feature with the most bins needs. */
const LEAST_MATCHED = 310;

/** Rows of one chunk in one hour of the week. */
export interface SeasonalCell {
  readonly chunk: number;
  /** From Thursday, 1970-01-01, 00:00 UTC. */
  readonly hour: number;
  rows: number;
}

/** One column over frozen bins, by cell. */
export interface SeasonalColumn {
  /** Bins, and one more of missing values. */
  readonly width: number;
  /** Cell by cell, `width` counts of each. */
  counts: Float64Array;
  /** Hour by hour: finite numbers, their mean, Σ (x − mean)². Null for texts. */
  readonly moments: Float64Array | null;
}

/** The rows of a reference by chunk and hour of the week: what a window of some hours is compared with. */
export interface SeasonalCounts {
  /** Epoch ms of the first and of the last row. */
  readonly from: number;
  readonly to: number;
  readonly cells: readonly SeasonalCell[];
  readonly columns: ReadonlyMap<string, SeasonalColumn>;
}

/** Hours of the reference that are mixed as those of a window. */
export interface SeasonMatch {
  readonly of: 'week' | 'day';
  /** Independent rows that the mix is worth: (Σ w)² / Σ w² (Kish 1965). */
  readonly rows: number;
  /** Share of the window whose hour the reference does not have. */
  readonly unmatched: number;
  /** The weight of a row of each hour of the week. */
  readonly weights: Float64Array;
}

/** A column of the matched rows. Counts are weighted, so they are no whole numbers. */
export interface MatchedColumn {
  readonly counts: Float64Array;
  readonly mean: number | null;
  readonly deviation: number | null;
}

export function hourOfWeek(at: number): number {
  return Math.floor((((at % WEEK_MS) + WEEK_MS) % WEEK_MS) / HOUR_MS);
}

/** Whether times lie far enough apart for an hour of the day to be more than one moment. */
export function spansSeasons({ from, to }: { readonly from: number; readonly to: number }): boolean {
  return hasSeasons({ from, to }, 'day');
}

/** Rows of two whole seasons begin and end within them. */
function hasSeasons({ from, to }: { readonly from: number; readonly to: number }, of: SeasonMatch['of']): boolean {
  return to - from + HOUR_MS >= LEAST_SEASONS * (of === 'week' ? WEEK_MS : DAY_MS);
}

/**
 * Matches the hours of a window, `hours` by hour of the week: with hours of the week where the reference spans two weeks and has
 * enough rows of them, otherwise of the day. A text says why no hours match.
 */
export function matchHours(seasonal: SeasonalCounts | null, hours: Float64Array): SeasonMatch | string {
  if (seasonal === null) return 'the reference has no counts by hour';
  let reason = 'the reference spans less than two days';
  for (const season of ['week', 'day'] as const) {
    if (!hasSeasons(seasonal, season)) continue;
    const match = mixOf(rowsByHour(seasonal.cells), hours, season);
    if (match.rows >= LEAST_MATCHED && match.unmatched <= MOST_UNMATCHED) return match;
    reason = `the reference has ${Math.floor(match.rows)} rows of the same hours, ${LEAST_MATCHED} are needed`;
    if (match.unmatched > MOST_UNMATCHED)
      reason = `the reference lacks the hours of ${Math.round(100 * match.unmatched)} % of the window`;
  }
  return reason;
}

function matchedColumn({ cells }: SeasonalCounts, column: SeasonalColumn, { weights }: SeasonMatch): MatchedColumn {
  const counts = new Float64Array(column.width);
  for (const [cell, { hour }] of cells.entries()) addScaled(counts, column, cell, weights[hour]);
  return { counts, ...matchedMoments(column.moments, weights) };
}

/** Chan, Golub and LeVeque 1979, eq. 1.5, with weights. */
function matchedMoments(moments: Float64Array | null, weights: Float64Array): Omit<MatchedColumn, 'counts'> {
  let [n, mean, squares] = [0, 0, 0];
  for (let hour = 0; moments !== null && hour < HOURS_OF_WEEK; hour += 1) {
    const own = moments[3 * hour] * weights[hour];
    if (own <= 0) continue;
    const gap = moments[3 * hour + 1] - mean;
    squares += moments[3 * hour + 2] * weights[hour] + gap * gap * ((n * own) / (n + own));
    mean += gap * (own / (n + own));
    n += own;
  }
  const known = n > 0 && Number.isFinite(mean);
  return { mean: known ? mean : null, deviation: known && Number.isFinite(squares) ? Math.sqrt(squares / n) : null };
}

/** A feature whose hours differ: the rows of the window's hours, and the limit of a window that is compared with them. */
export interface MatchedFeature extends MatchedColumn {
  readonly limitOf: (rows: number) => DriftLimit;
}

/** The least difference of hours that is a season, as debiased PSI. */
const LEAST_SEASON = 0.01;
/** One in twenty: of hours that do not differ. */
const CHANCE_Z = 1.645;

/**
 * A feature in the hours of a window. Null: its hours differ from all hours by no more than chance, so that all rows of the reference say
 * more; or its chunks are too few to say what chance does.
 */
export function matchedFeature(seasonal: SeasonalCounts, name: string, match: SeasonMatch): MatchedFeature | null {
  const column = seasonal.columns.get(name);
  if (column === undefined) return null;
  const own = matchedColumn(seasonal, column, match);
  const dependence = dependenceIn(seasonal, column, match.of);
  if (dependence === null) return null;
  const all = new Float64Array(column.width);
  let others = 0;
  for (const [cell, { rows }] of seasonal.cells.entries()) {
    addScaled(all, column, cell, 1);
    others += rows;
  }
  const season = populationStabilityIndex(all, own.counts)?.debiased ?? 0;
  const chance = dependentLimit(dependence, { rows: match.rows, others }, CHANCE_Z);
  if (season <= Math.max(LEAST_SEASON, chance)) return null;
  const usual = limitOfLooks(dependence.looks);
  return {
    ...own,
    limitOf: (rows) => ({
      psi: Math.max(usual?.psi ?? 0, dependentLimit(dependence, { rows, others: match.rows })),
      chunks: dependence.looks.length,
      designEffect: dependence.effect,
    }),
  };
}

/** How far the chunks lie apart: each with the other rows in the mix of its own hours, so a weekend is compared with weekends. */
function dependenceIn(seasonal: SeasonalCounts, column: SeasonalColumn, of: SeasonMatch['of']): Dependence | null {
  const held = dependences.get(column) ?? new Map<SeasonMatch['of'], Dependence | null>();
  dependences.set(column, held);
  const known = held.get(of);
  if (known !== undefined) return known;
  const chunks = new Set(seasonal.cells.map(({ chunk }) => chunk));
  const looks = [...chunks].map((chunk) => lookOf(seasonal, column, chunk, of)).filter((one) => one !== null);
  const dependence = dependenceOf(looks);
  held.set(of, dependence);
  return dependence;
}

/** They depend on the reference alone, and are many sums: they are kept with it. */
const dependences = new WeakMap<SeasonalColumn, Map<SeasonMatch['of'], Dependence | null>>();

/** Rows of a look below which it says nothing, as of a chunk. */
const LEAST_LOOK = 30;

function lookOf(
  { cells }: SeasonalCounts,
  column: SeasonalColumn,
  own: number,
  of: SeasonMatch['of'],
): ValueLook | null {
  const hours = rowsByHour(cells.filter(({ chunk }) => chunk === own));
  const others = cells.filter(({ chunk }) => chunk !== own);
  const { weights, rows } = mixOf(rowsByHour(others), hours, of);
  if (rows < LEAST_LOOK) return null;
  const part = new Float64Array(column.width);
  const rest = new Float64Array(column.width);
  let seen = 0;
  cells.forEach(({ chunk, hour, rows: held }, cell) => {
    if (chunk !== own) addScaled(rest, column, cell, weights[hour]);
    else if (weights[hour] > 0) {
      // An hour that no other chunk has is compared with nothing.
      addScaled(part, column, cell, 1);
      seen += held;
    }
  });
  return seen < LEAST_LOOK ? null : { part, rest };
}

function addScaled(sum: Float64Array, { counts, width }: SeasonalColumn, cell: number, weight: number): void {
  if (weight === 0) return;
  for (let bin = 0; bin < width; bin += 1) sum[bin] += weight * counts[cell * width + bin];
}

/** Weights by which rows of the reference's hours are mixed as `wanted`. */
function mixOf(held: Float64Array, wanted: Float64Array, of: SeasonMatch['of']): SeasonMatch {
  const places = of === 'week' ? HOURS_OF_WEEK : HOURS_OF_DAY;
  const [own, want] = [folded(held, places), folded(wanted, places)];
  const all = want.reduce((sum, count) => sum + count, 0);
  const matched = want.reduce((sum, count, place) => sum + (own[place] > 0 ? count : 0), 0);
  let spread = 0;
  for (let place = 0; place < places; place += 1)
    if (own[place] > 0 && want[place] > 0) spread += (want[place] / matched) ** 2 / own[place];
  const rows = spread === 0 ? 0 : 1 / spread;
  const weights = Float64Array.from({ length: HOURS_OF_WEEK }, (_, hour) => {
    const place = hour % places;
    return rows === 0 || own[place] === 0 ? 0 : (rows * (want[place] / matched)) / own[place];
  });
  return { of, rows, unmatched: all === 0 ? 1 : (all - matched) / all, weights };
}

function rowsByHour(cells: readonly SeasonalCell[]): Float64Array {
  const rows = new Float64Array(HOURS_OF_WEEK);
  for (const { hour, rows: held } of cells) rows[hour] += held;
  return rows;
}

function folded(hours: Float64Array, places: number): Float64Array {
  const sum = new Float64Array(places);
  for (let hour = 0; hour < HOURS_OF_WEEK; hour += 1) sum[hour % places] += hours[hour];
  return sum;
}
