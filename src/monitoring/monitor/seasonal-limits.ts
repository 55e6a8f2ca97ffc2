import { fisherFSf } from '../../stats/distributions/fisher-f.ts';
import { normalSf } from '../../stats/distributions/normal.ts';
import { studentTSf } from '../../stats/distributions/student-t.ts';
import { type ChunkLimits, chunkLimits, LEAST_CHUNKS } from '../estimate/chunk-limits.ts';
import type { Span } from './judge-windows.ts';

const DAY_MS = 86_400_000;
/** Lengths of seasons, the shorter first. */
const SEASONS = [
  { of: 'day', lengthMs: DAY_MS },
  { of: 'week', lengthMs: 7 * DAY_MS },
] as const;

/** Chance that a season is seen where there is none. */
const CHANCE = 0.05;
/** As of a normal distribution with a known deviation. */
const DEVIATIONS = 3;

/** The usual values of a window. */
export interface UsualLimits extends ChunkLimits {
  /** The season whose windows it is compared with; null: all windows. */
  readonly season: (typeof SEASONS)[number]['of'] | null;
}

/** Windows of a reference, one after the other; null: one has too few rows. */
export interface UsualValues {
  readonly from: number;
  readonly windowMs: number;
  readonly values: readonly (number | null)[];
}

/** Windows by their place in a season: means, and how far windows of one place lie apart. */
interface Places {
  readonly season: UsualLimits['season'];
  readonly lengthMs: number;
  readonly means: ReadonlyMap<number, { readonly mean: number; readonly windows: number }>;
  /** Sum of squares within places, and its degrees of freedom. */
  readonly squares: number;
  readonly freedom: number;
}

/**
 * The limits of a window by the windows of a reference: those of the same place in the day or week, where places differ by more than chance (one-way
 * analysis of variance, Fisher 1925; a week has to explain more than a day does). Otherwise those of all windows: mean ± 3 standard
 * deviations. Null without enough windows.
 */
export function seasonalLimits(usual: UsualValues): ((window: Span) => UsualLimits) | null {
  const all = chunkLimits(usual.values, -Number.MAX_VALUE, Number.MAX_VALUE);
  if (all === null) return null;
  const any = { ...all, season: null };
  const places = seasonOf(usual);
  if (places === null || places.season === null) return () => any;
  const { squares, freedom, season, lengthMs, means } = places;
  const reach = deviationsOf(freedom) * Math.sqrt(squares / freedom);
  return ({ from }) => {
    const own = means.get(placeOf(from, lengthMs));
    if (own === undefined) return any;
    // The mean of a place is known as well as its windows say.
    const within = reach * Math.sqrt(1 + 1 / own.windows);
    return { lower: own.mean - within, upper: own.mean + within, season };
  };
}

/** The places that explain the values best. */
function seasonOf(usual: UsualValues): Places | null {
  let best = placesOf(usual, null, Number.POSITIVE_INFINITY);
  for (const { of, lengthMs } of SEASONS) {
    const finer = placesOf(usual, of, lengthMs);
    if (finer !== null && best !== null && explainsMore(finer, best)) best = finer;
  }
  return best;
}

/** Null: the windows do not fit into the season, or hold it less than twice. */
function placesOf({ from, windowMs, values }: UsualValues, season: Places['season'], lengthMs: number): Places | null {
  if (
    season !== null &&
    (lengthMs % windowMs !== 0 || lengthMs === windowMs || values.length * windowMs < 2 * lengthMs)
  )
    return null;
  const groups = new Map<number, number[]>();
  for (const [i, value] of values.entries()) {
    if (value === null) continue;
    const place = placeOf(from + i * windowMs, lengthMs);
    groups.set(place, [...(groups.get(place) ?? []), value]);
  }
  const means = new Map<number, { mean: number; windows: number }>();
  let [squares, freedom] = [0, 0];
  for (const [place, group] of groups) {
    const mean = group.reduce((sum, value) => sum + value, 0) / group.length;
    squares += group.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    freedom += group.length - 1;
    // One window is one moment, and says nothing of its place.
    if (group.length > 1) means.set(place, { mean, windows: group.length });
  }
  return freedom < LEAST_CHUNKS - 1 ? null : { season, lengthMs, means, squares, freedom };
}

function placeOf(at: number, lengthMs: number): number {
  return Number.isFinite(lengthMs) ? ((at % lengthMs) + lengthMs) % lengthMs : 0;
}

function explainsMore(finer: Places, coarser: Places): boolean {
  const places = coarser.freedom - finer.freedom;
  const gained = coarser.squares - finer.squares;
  if (places <= 0 || gained <= 0) return false;
  return fisherFSf(gained / places / (finer.squares / finer.freedom), places, finer.freedom) < CHANCE;
}

/** As many deviations of a t distribution as three of a normal one are, by halving. */
function deviationsOf(freedom: number): number {
  const tail = normalSf(DEVIATIONS);
  let [low, high] = [DEVIATIONS, 1000];
  while (high - low > 1e-6) {
    const middle = (low + high) / 2;
    if (studentTSf(middle, freedom) > tail) low = middle;
    else high = middle;
  }
  return high;
}
