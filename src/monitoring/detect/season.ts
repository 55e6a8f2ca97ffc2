const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const WEEK_MS = 7 * DAY_MS;

/** Rows that are compared with rows of the same hour: of the day, or of the week. */
export const SEASONS = ['auto', 'none', 'day', 'week'] as const;

export type Season = (typeof SEASONS)[number];

/** Rows of the reference of the same hours as the current rows. */
export interface Matched {
  readonly season: 'day' | 'week';
  /** Indices, ascending. */
  readonly rows: Uint32Array;
  /** Share of the current rows whose hour the reference does not have. */
  readonly unmatched: number;
}

/** Seasons that a reference must have: with one, a place in the season is one moment. */
export const LEAST_SEASONS = 2;
/** Matched rows below which a coarser season is taken. */
const LEAST_ROWS = 300;
/** Share of the current rows that may lack a like. */
export const MOST_UNMATCHED = 0.1;

/**
 * Chooses the rows of the reference whose hours are distributed as those of the current rows: of the week, where the reference has
 * two of them and enough rows; otherwise of the day; null: all rows are compared. A season that is named is taken whatever it has.
 * Times are epoch ms, NaN for a missing one.
 */
export function matchSeason(reference: Float64Array, current: Float64Array, season: Season): Matched | null {
  if (season === 'none') return null;
  if (season !== 'auto') return matched(reference, current, season);
  const spanMs = spanOf(reference);
  for (const one of ['week', 'day'] as const) {
    if (spanMs < LEAST_SEASONS * (one === 'week' ? WEEK_MS : DAY_MS)) continue;
    const found = matched(reference, current, one);
    if (found.rows.length >= LEAST_ROWS && found.unmatched <= MOST_UNMATCHED) return found;
  }
  return null;
}

function matched(reference: Float64Array, current: Float64Array, season: 'day' | 'week'): Matched {
  const wanted = new Map<number, number>();
  for (const at of current) {
    const place = placeOf(at, season);
    wanted.set(place, (wanted.get(place) ?? 0) + 1);
  }
  const held = new Map<number, number[]>();
  reference.forEach((at, row) => {
    const place = placeOf(at, season);
    if (!wanted.has(place)) return;
    const rows = held.get(place);
    if (rows === undefined) held.set(place, [row]);
    else rows.push(row);
  });
  const ratio = ratioOf(wanted, held);
  const rows: number[] = [];
  let unmatched = 0;
  for (const [place, count] of wanted) {
    const own = held.get(place) ?? [];
    if (own.length === 0) unmatched += count;
    const take = Math.min(own.length, Math.max(1, Math.floor(ratio * count)));
    // Evenly spread over the reference's time.
    for (let i = 0; i < take; i += 1) rows.push(own[Math.floor((i * own.length) / take)]);
  }
  return { season, rows: Uint32Array.from(rows).sort(), unmatched: unmatched / Math.max(1, current.length) };
}

/** Reference rows for each current row: what nine tenths of the current rows can have, so that a rare hour does not cost all others. */
function ratioOf(wanted: ReadonlyMap<number, number>, held: ReadonlyMap<number, readonly number[]>): number {
  const ratios = [...wanted]
    .flatMap(([place, count]) => {
      const own = held.get(place)?.length ?? 0;
      return own === 0 ? [] : [{ ratio: own / count, count }];
    })
    .sort((a, b) => a.ratio - b.ratio);
  const total = ratios.reduce((sum, { count }) => sum + count, 0);
  let before = 0;
  for (const { ratio, count } of ratios) {
    before += count;
    if (before >= 0.1 * total) return ratio;
  }
  return 0;
}

/** The hour of the day, or of the week from Thursday, 1970-01-01. */
function placeOf(at: number, season: 'day' | 'week'): number {
  const length = season === 'week' ? WEEK_MS : DAY_MS;
  return Math.floor((((at % length) + length) % length) / HOUR_MS);
}

function spanOf(times: Float64Array): number {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const at of times) {
    if (at < least) least = at;
    if (at > most) most = at;
  }
  return most >= least ? most - least : 0;
}
