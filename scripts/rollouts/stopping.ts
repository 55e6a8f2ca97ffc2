import { randomNormal, seededRandom } from '../../src/base/rng.ts';
import { eventEValue } from '../../src/stats/event-e-value.ts';
import { mixtureSprt } from '../../src/stats/mixture-sprt.ts';

/** How often a test stops, and when. */
export interface Stopping {
  readonly stopped: number;
  /** Median of what is counted, over the runs that stopped; null: none did. */
  readonly median: number | null;
}

const LOOKS = 100;
const ROWS_A_LOOK = 400;
const CANARY_A_LOOK = 20;

/** 100 looks at 95 % and 5 % of 40,000 rows with standard deviation 1: by the mixture test, and by a t-test at 0.05 at each look. */
export function meansStopping(
  shift: number,
  runs: number,
  seed: number,
): { readonly mixture: Stopping; readonly tTest: Stopping } {
  const stops = { mixture: [] as number[], tTest: [] as number[] };
  for (let run = 0; run < runs; run += 1) {
    const random = seededRandom(seed + run);
    const a = { n: 0, sum: 0, squares: 0 };
    const b = { n: 0, sum: 0, squares: 0 };
    const open = new Set(['mixture', 'tTest'] as const);
    for (let look = 1; look <= LOOKS && open.size > 0; look += 1) {
      for (let row = 0; row < ROWS_A_LOOK; row += 1) {
        const group = row < CANARY_A_LOOK ? b : a;
        const value = randomNormal(random) + (group === b ? shift : 0);
        group.n += 1;
        group.sum += value;
        group.squares += value * value;
      }
      const variance = (g: typeof a) => (g.squares - (g.sum * g.sum) / g.n) / (g.n - 1);
      const means = { na: a.n, nb: b.n, meanA: a.sum / a.n, meanB: b.sum / b.n, varA: variance(a), varB: variance(b) };
      const { stops: stopsNow, z } = mixtureSprt({ ...means, tau2: 0.01, alpha: 0.05 });
      if (stopsNow && open.delete('mixture')) stops.mixture.push(b.n);
      if (Math.abs(z) > 1.96 && open.delete('tTest')) stops.tTest.push(b.n);
    }
  }
  return { mixture: stopping(stops.mixture, runs), tTest: stopping(stops.tTest, runs) };
}

/** Errors of a canary of 5 % in 40,000 requests, with a look at each error; counts requests until the stop. */
export function errorsStopping(baseline: number, canary: number, runs: number, seed: number): Stopping {
  const stops: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const random = seededRandom(seed + run);
    let [events, watched] = [0, 0];
    for (let request = 1; request <= LOOKS * ROWS_A_LOOK; request += 1) {
      const isCanary = random() < 0.05;
      if (random() >= (isCanary ? canary : baseline)) continue;
      events += 1;
      if (isCanary) watched += 1;
      if (!eventEValue({ events, watched, share: 0.05, strength: 50, alpha: 0.05 }).stops) continue;
      stops.push(request);
      break;
    }
  }
  return stopping(stops, runs);
}

function stopping(stops: readonly number[], runs: number): Stopping {
  const sorted = stops.toSorted((a, b) => a - b);
  return { stopped: stops.length / runs, median: sorted.at(Math.floor(sorted.length / 2)) ?? null };
}
