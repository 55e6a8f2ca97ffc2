import { type Detector, restarting } from './detector.ts';

export interface EddmOptions {
  readonly warmStart?: number;
  readonly alpha?: number;
  readonly beta?: number;
}

/** EDDM (Baena-García et al. 2006) on errors 0 or 1: the distance between errors against its largest so far. */
export function eddm({ warmStart = 30, alpha = 0.95, beta = 0.9 }: EddmOptions = {}): Detector {
  return restarting(
    () => ({ n: 0, errors: 0, last: 0, mean: 0, squares: 0, most: 0 }),
    (state, value) => {
      state.n += 1;
      if (value === 0) return 'stable';
      state.errors += 1;
      const distance = state.n - state.last;
      state.last = state.n;
      const gap = distance - state.mean;
      state.mean += gap / state.errors;
      state.squares += gap * (distance - state.mean);
      if (state.n <= warmStart) return 'stable';
      const deviation = state.errors < 2 ? 0 : Math.sqrt(state.squares / (state.errors - 1));
      const reach = state.mean + 2 * deviation;
      if (reach > state.most) {
        state.most = reach;
        return 'stable';
      }
      if (state.errors <= warmStart) return 'stable';
      const share = reach / state.most;
      return share < beta ? 'drift' : share < alpha ? 'warning' : 'stable';
    },
  );
}
