import { type Detector, restarting } from './detector.ts';

export interface DdmOptions {
  readonly warmStart?: number;
  readonly warning?: number;
  readonly drift?: number;
}

/**
 * DDM (Gama et al. 2004) on errors 0 or 1: the error rate against its lowest so far. Noisy early and blind late: offered
 * for comparison, no default of ours.
 */
export function ddm({ warmStart = 30, warning = 2, drift = 3 }: DdmOptions = {}): Detector {
  return restarting(
    () => ({ n: 0, p: 0, least: Number.POSITIVE_INFINITY, pMin: 0, sMin: 0 }),
    (state, value) => {
      state.n += 1;
      state.p += (value - state.p) / state.n;
      if (state.n <= warmStart) return 'stable';
      const s = Math.sqrt((state.p * (1 - state.p)) / state.n);
      if (state.p + s <= state.least) {
        state.least = state.p + s;
        state.pMin = state.p;
        state.sMin = s;
      }
      if (state.p + s > state.pMin + drift * state.sMin) return 'drift';
      return state.p + s > state.pMin + warning * state.sMin ? 'warning' : 'stable';
    },
  );
}
