import { type Detector, restarting } from './detector.ts';
import type { HddmOptions } from './hddm-a.ts';

/** An exponentially weighted mean and the sum of its squared weights; not there before the first value. */
interface Weighted {
  value: number;
  bound: number;
  empty: boolean;
}

interface Side {
  cut: number;
  readonly first: Weighted;
  readonly second: Weighted;
}

/** HDDM_W (Frías-Blanco et al. 2014) on values in [0, 1]: weighted means, by McDiarmid's bound; alarms at the same places as in river. */
export function hddmW(options: HddmOptions & { readonly lambda?: number } = {}): Detector {
  const { drift = 0.001, warning = 0.005, lambda = 0.05, twoSided = false } = options;
  return restarting(
    () => ({ total: weighted(), up: side(Number.POSITIVE_INFINITY), down: side(Number.NEGATIVE_INFINITY) }),
    ({ total, up, down }, value) => {
      add(total, value, lambda);
      const radius = Math.sqrt((total.bound * Math.log(1 / drift)) / 2);
      if (total.value + radius < up.cut) moveCut(up, total, total.value + radius);
      else add(up.second, value, lambda);
      if (total.value - radius > down.cut) moveCut(down, total, total.value - radius);
      else add(down.second, value, lambda);
      if (moved(up, drift, 1) || (twoSided && moved(down, drift, -1))) return 'drift';
      return moved(up, warning, 1) || (twoSided && moved(down, warning, -1)) ? 'warning' : 'stable';
    },
  );
}

function weighted(): Weighted {
  return { value: 0, bound: 1, empty: true };
}

function side(cut: number): Side {
  return { cut, first: weighted(), second: weighted() };
}

function add(mean: Weighted, value: number, lambda: number): void {
  if (mean.empty) {
    mean.value = 0;
    mean.bound = 1;
    mean.empty = false;
  }
  // A mean of 0 starts with the next value, as in river.
  mean.value = mean.value === 0 ? value : lambda * value + (1 - lambda) * mean.value;
  mean.bound = lambda * lambda + (1 - lambda) * (1 - lambda) * mean.bound;
}

function moveCut(one: Side, total: Weighted, cut: number): void {
  one.cut = cut;
  one.first.value = total.value;
  one.first.bound = total.bound;
  one.first.empty = false;
  one.second.empty = true;
}

function moved({ first, second }: Side, confidence: number, sign: 1 | -1): boolean {
  if (first.empty || second.empty) return false;
  const bound = Math.sqrt(((first.bound + second.bound) * Math.log(1 / confidence)) / 2);
  return sign * (second.value - first.value) > bound;
}
