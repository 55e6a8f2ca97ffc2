import type { StreamViewData } from '../define/declaration.ts';

/**
 * How far back from an instant the tiles of a hop can be read, in ms: the longest window that may use them in its
 * middle (its own hop is no larger), or the head of a window of a larger hop. Infinite where an unwindowed feature
 * uses the hop.
 */
export function tileHorizonMs(view: StreamViewData, hopMs: number): number {
  let horizon = 0;
  for (const feature of view.features) {
    if (feature.hopMs <= hopMs) horizon = Math.max(horizon, feature.windowMs ?? Number.POSITIVE_INFINITY);
    else horizon = Math.max(horizon, feature.hopMs);
  }
  const largest = view.hopsMs[view.hopsMs.length - 1] ?? hopMs;
  const within = view.ttlMs === null ? horizon : Math.min(horizon, Math.max(view.ttlMs, largest));
  return within + hopMs + view.source.latenessMs + view.source.futureSkewMs;
}
