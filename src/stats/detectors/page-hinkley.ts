import { type Detector, restarting } from './detector.ts';

export interface PageHinkleyOptions {
  /** Values before the first alarm; 30. */
  readonly minInstances?: number;
  /** Change that is tolerated; .005. */
  readonly delta?: number;
  /** Sum that is a change; 50. It must suit the variance of the values. */
  readonly threshold?: number;
  /** Forgetting; .9999. */
  readonly alpha?: number;
  /** Whether the sum stays at or above 0 and a change is at the threshold, as in river; otherwise beyond it. */
  readonly floor?: boolean;
}

/** Page–Hinkley (Page 1954), upward changes: the sum of values above the mean so far. */
export function pageHinkley(options: PageHinkleyOptions = {}): Detector {
  const { minInstances = 30, delta = 0.005, threshold = 50, alpha = 0.9999, floor = true } = options;
  return restarting(
    () => ({ n: 0, mean: 0, sum: 0 }),
    (state, value) => {
      state.n += 1;
      state.mean += (value - state.mean) / state.n;
      const sum = alpha * state.sum + value - state.mean - delta;
      state.sum = floor ? Math.max(0, sum) : sum;
      const changed = floor ? state.sum >= threshold : state.sum > threshold;
      return changed && state.n >= minInstances ? 'drift' : 'stable';
    },
  );
}
