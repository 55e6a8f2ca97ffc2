import { type Detector, restarting } from './detector.ts';

export interface CusumOptions {
  readonly delta?: number;
  readonly threshold?: number;
  readonly minInstances?: number;
}

/** The cumulative sum of Page 1954, upward: max(0, s + x − mean − δ) beyond the threshold. */
export function cusum({ delta = 0.005, threshold = 50, minInstances = 1 }: CusumOptions = {}): Detector {
  return restarting(
    () => ({ n: 0, mean: 0, sum: 0 }),
    (state, value) => {
      state.n += 1;
      state.mean += (value - state.mean) / state.n;
      state.sum = Math.max(0, state.sum + value - state.mean - delta);
      return state.n >= minInstances && state.sum > threshold ? 'drift' : 'stable';
    },
  );
}
