import { type Detector, restarting } from './detector.ts';

export interface HddmOptions {
  readonly drift?: number;
  readonly warning?: number;
  readonly twoSided?: boolean;
}

interface Mean {
  n: number;
  sum: number;
}

/** HDDM_A (Frías-Blanco et al. 2014) on values in [0, 1]: means before and after a cut, by Hoeffding's bound. */
export function hddmA({ drift = 0.001, warning = 0.005, twoSided = false }: HddmOptions = {}): Detector {
  return restarting(
    () => ({ all: mean(), least: mean(), most: mean() }),
    ({ all, least, most }, value) => {
      all.n += 1;
      all.sum += value;
      const bound = radius(all.n, drift);
      if (least.n === 0 || least.sum / least.n + radius(least.n, drift) >= all.sum / all.n + bound) copy(all, least);
      if (most.n === 0 || most.sum / most.n - radius(most.n, drift) <= all.sum / all.n - bound) copy(all, most);
      if (rises(all, least, drift, 1) || (twoSided && rises(all, most, drift, -1))) return 'drift';
      return rises(all, least, warning, 1) || (twoSided && rises(all, most, warning, -1)) ? 'warning' : 'stable';
    },
  );
}

function mean(): Mean {
  return { n: 0, sum: 0 };
}

function copy(from: Mean, to: Mean): void {
  to.n = from.n;
  to.sum = from.sum;
}

function radius(n: number, confidence: number): number {
  return Math.sqrt(Math.log(1 / confidence) / (2 * n));
}

function rises(all: Mean, cut: Mean, confidence: number, sign: 1 | -1): boolean {
  if (cut.n === all.n) return false;
  const m = (all.n - cut.n) / cut.n / all.n;
  const bound = Math.sqrt((m / 2) * Math.log(2 / confidence));
  return sign * (all.sum / all.n - cut.sum / cut.n) >= bound;
}
