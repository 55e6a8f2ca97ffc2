import { fail } from '../../base/errors/fail.ts';

const S = 1_000;
const M = 60 * S;
const H = 60 * M;
const D = 24 * H;

/** Hops that are chosen from, each a whole multiple of the next. */
const HOPS_MS = [D, H, 5 * M, M, 15 * S, 5 * S, S] as const;

/** A window is rounded at its tail by at most this share of itself. */
const HOPS_PER_WINDOW = 12;

/** Windows of more hops than this are read from tiles of the next larger hop as well. */
const MOST_TILES = 100;

/**
 * The hop of a window: the largest of 1 d, 1 h, 5 min, 1 min, 15 s, 5 s, 1 s that is at most a twelfth of it; 1 d for all
 * events (null). Error: WINDOW_HOP for a window below 12 s.
 */
export function hopOf(windowMs: number | null, view: string): number {
  if (windowMs === null) return D;
  const hop = HOPS_MS.find((ms) => ms * HOPS_PER_WINDOW <= windowMs);
  if (hop === undefined) throw fail('WINDOW_HOP', { view, windowMs });
  return hop;
}

/**
 * The hops whose tiles a view keeps, ascending: those of its windows and, where a window has more than 100 of them, the
 * next larger hop, so that a read merges few tiles. Error: HOPS_NEST if one is not a whole multiple of the previous one.
 */
export function hopsOf(
  windows: readonly { readonly windowMs: number | null; readonly hopMs: number }[],
  view: string,
): readonly number[] {
  const hops = new Set<number>();
  for (const { windowMs, hopMs } of windows) {
    hops.add(hopMs);
    const larger = HOPS_MS.findLast((ms) => ms > hopMs && ms % hopMs === 0);
    if (windowMs !== null && windowMs / hopMs > MOST_TILES && larger !== undefined) hops.add(larger);
  }
  const ascending = [...hops].sort((a, b) => a - b);
  ascending.forEach((hop, i) => {
    if (i > 0 && hop % ascending[i - 1] !== 0) throw fail('HOPS_NEST', { view, small: ascending[i - 1], large: hop });
  });
  return ascending;
}
