import { type Detector, restarting } from './detector.ts';

export interface GeometricMovingAverageOptions {
  readonly alpha?: number;
  readonly threshold?: number;
  readonly minInstances?: number;
}

/** Roberts 1959, upward: s = α·s + (1 − α)·(x − mean) beyond the threshold. */
export function geometricMovingAverage(options: GeometricMovingAverageOptions = {}): Detector {
  const { alpha = 0.99, threshold = 1, minInstances = 1 } = options;
  return restarting(
    () => ({ n: 0, mean: 0, sum: 0 }),
    (state, value) => {
      state.n += 1;
      state.mean += (value - state.mean) / state.n;
      state.sum = alpha * state.sum + (1 - alpha) * (value - state.mean);
      return state.n >= minInstances && state.sum > threshold ? 'drift' : 'stable';
    },
  );
}
