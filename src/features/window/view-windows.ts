import type { StreamViewData } from '../define/declaration.ts';

/** One window of a view: its length (null: all events), the hop its tail is rounded to, the features it answers. */
export interface ViewWindow {
  readonly windowMs: number | null;
  readonly hopMs: number;
  /** Indexes into the view's features. */
  readonly features: readonly number[];
}

/** The distinct windows of a view, in the order of its features. */
export function windowsOf(view: StreamViewData): readonly ViewWindow[] {
  const windows = new Map<string, { windowMs: number | null; hopMs: number; features: number[] }>();
  view.features.forEach(({ windowMs, hopMs }, index) => {
    const name = `${windowMs}/${hopMs}`;
    const window = windows.get(name) ?? { windowMs, hopMs, features: [] };
    window.features.push(index);
    windows.set(name, window);
  });
  return [...windows.values()];
}

/** How far back a window reaches, and the tiles that its tail is rounded to. */
export interface SpannedWindow {
  /** At most, as the view's time to live bounds it; infinite: to the first event. */
  readonly reachMs: number;
  readonly hopMs: number;
  /** Index of the hop among the view's. */
  readonly hop: number;
}

/** The spans of {@link windowsOf}. */
export function spannedWindows(view: StreamViewData): readonly SpannedWindow[] {
  return windowsOf(view).map(({ windowMs, hopMs }) => ({
    reachMs: Math.min(windowMs ?? Number.POSITIVE_INFINITY, view.ttlMs ?? Number.POSITIVE_INFINITY),
    hopMs,
    hop: view.hopsMs.indexOf(hopMs),
  }));
}
