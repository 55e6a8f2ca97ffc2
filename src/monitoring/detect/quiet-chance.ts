/** Share of quiet windows in which any feature may drift. */
const WINDOW_SHARE = 0.05;
/** Pages a quarter of one quiet monitor, of which it may have at most one. */
const PAGES = 0.25;
const DAYS_A_QUARTER = 90;

/** How often windows are looked at. */
export interface Looks {
  readonly windowsPerDay: number;
  /** An alarm needs the same feature in `k` of the last `of` windows. */
  readonly k: number;
  readonly of: number;
}

/**
 * The chance that one quiet feature may be beyond its limit in one window: at most 5 % of windows over all features (Bonferroni). With
 * looks it also leaves a quarter of a page in 90 days. An alarm begins in a window with k − 1 of the of − 1 before it, so with W
 * windows and F features F · W · C(of − 1, k − 1) · chanceᵏ begin.
 */
export function quietChance(features: number, looks: Looks | null): number {
  const all = Math.max(1, features);
  const single = WINDOW_SHARE / all;
  if (looks === null) return single;
  const windows = Math.max(1, looks.windowsPerDay * DAYS_A_QUARTER);
  return Math.min(single, (PAGES / (all * windows * ways(looks.of - 1, looks.k - 1))) ** (1 / looks.k));
}

/** C(n, k). */
function ways(n: number, k: number): number {
  let product = 1;
  for (let i = 1; i <= k; i += 1) product *= (n - k + i) / i;
  return product;
}
