import { randomBelow, seededRandom } from '../../base/rng.ts';
import { kolmogorovSmirnovTest } from '../kolmogorov-smirnov-test.ts';
import { type Detector, restarting } from './detector.ts';

export interface KswinOptions {
  readonly seed: number;
  readonly alpha?: number;
  readonly window?: number;
  /** Newest values that are compared; 30. */
  readonly newest?: number;
}

/** Smallest distance that is a change. */
const LEAST_DISTANCE = 0.1;

/** KSWIN (Raab et al. 2020): the newest values against as many drawn from the rest of the window, by KS. */
export function kswin({ seed, alpha = 0.005, window = 100, newest = 30 }: KswinOptions): Detector {
  const random = seededRandom(seed);
  return restarting(
    (): number[] => [],
    (held, value) => {
      held.push(value);
      if (held.length > window) held.shift();
      if (held.length < window) return 'stable';
      const rest = held.slice(0, window - newest);
      for (let i = 0; i < newest; i += 1) {
        const j = i + randomBelow(random, rest.length - i);
        [rest[i], rest[j]] = [rest[j], rest[i]];
      }
      const test = kolmogorovSmirnovTest(rest.slice(0, newest), held.slice(window - newest));
      return test !== null && test.p <= alpha && test.statistic > LEAST_DISTANCE ? 'drift' : 'stable';
    },
  );
}
