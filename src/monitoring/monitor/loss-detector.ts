import { seededRandom } from '../../base/rng.ts';
import type { LossDetector } from '../../features/define/monitor.ts';
import { adwin } from '../../stats/detectors/adwin.ts';
import { bayesianOnline } from '../../stats/detectors/bayesian-online.ts';
import { cusum } from '../../stats/detectors/cusum.ts';
import type { Detector } from '../../stats/detectors/detector.ts';
import { hddmA } from '../../stats/detectors/hddm-a.ts';
import { hddmW } from '../../stats/detectors/hddm-w.ts';
import { pageHinkley } from '../../stats/detectors/page-hinkley.ts';
import type { DetectorOf } from './loss-watch.ts';

/** How careful a detector is: more of it, fewer alarms. `make` takes it as its one parameter. */
interface Family {
  readonly make: (caution: number, first: readonly number[]) => Detector;
  /** Cautions to look between, and the one that is usual. */
  readonly least: number;
  readonly most: number;
  readonly usual: number;
  /** Caution that ten times as many looks add. */
  readonly perTenLooks: number;
  /** The longest run length that is simulated; a longer one is extrapolated. */
  readonly simulated: number;
}

/** Losses whose mean is one value of the Bayesian detector: means are about normal, which single losses are not. */
const BLOCK = 50;

const FAMILIES: Readonly<Record<LossDetector, Family>> = {
  adwin: {
    make: (c) => adwin({ delta: 10 ** -c }),
    least: 0,
    most: 12,
    usual: -Math.log10(0.002),
    perTenLooks: 1,
    simulated: 20_000,
  },
  pageHinkley: {
    make: (c) => pageHinkley({ threshold: 10 ** c }),
    least: -1,
    most: 3,
    usual: Math.log10(50),
    perTenLooks: 0.06,
    simulated: 20_000,
  },
  cusum: {
    make: (c) => cusum({ threshold: 10 ** c, minInstances: 30 }),
    least: -1,
    most: 3,
    usual: Math.log10(50),
    perTenLooks: 0.06,
    simulated: 20_000,
  },
  hddmA: {
    make: (c) => hddmA({ drift: 10 ** -c, warning: 10 ** -c }),
    least: 0.5,
    most: 12,
    usual: 3,
    perTenLooks: 1,
    simulated: 20_000,
  },
  hddmW: {
    make: (c) => hddmW({ drift: 10 ** -c, warning: 10 ** -c }),
    least: 0.5,
    most: 12,
    usual: 3,
    perTenLooks: 1,
    simulated: 20_000,
  },
  bayesianOnline: {
    make: (c, first) => ofBlocks(bayesianOnline({ hazard: 10 ** -c, dataVariance: 1, priorVariance: 10 }), first),
    least: 1,
    most: 14,
    usual: 4,
    perTenLooks: 1,
    // A value costs as much as the stretch is long.
    simulated: 10_000,
  },
};

/**
 * Makes the detector of a monitor for the first losses. With a run length its parameter is solved from them. One of many `looks` at
 * once is as much more careful as all of them need.
 */
export function detectorOf(
  {
    detector,
    runLength,
  }: {
    readonly detector: LossDetector;
    readonly runLength: number | null;
  },
  looks = 1,
): DetectorOf {
  const family = FAMILIES[detector];
  const usual = Math.min(family.most, family.usual + family.perTenLooks * Math.log10(looks));
  return (first) =>
    family.make(
      runLength === null || first.length < LEAST_FIRST ? usual : solve(family, first, runLength * looks),
      first,
    );
}

/** First losses below which nothing is solved: they say too little of the rate. */
const LEAST_FIRST = 300;

/** Run lengths that a simulation is long, and the alarms that it may have: a few less, for what chance does. */
const LENGTHS = 12;
const MOST_ALARMS = 8;
const STEPS = 10;

/**
 * The least caution at which losses drawn from the first ones, in random order, alarm at most once in `runLength` on average. The
 * logarithm of the run length is about linear in the caution (Siegmund 1985, for CUSUM), so that long ones follow from two shorter.
 */
function solve(family: Family, first: readonly number[], runLength: number): number {
  const long = family.simulated;
  if (runLength <= long) return bisect(family, first, runLength);
  const short = long / 10;
  const [a, b] = [bisect(family, first, short), bisect(family, first, long)];
  const perUnit = Math.max(1e-6, b - a) / Math.log(long / short);
  return Math.min(family.most, b + perUnit * Math.log(runLength / long));
}

function bisect(family: Family, first: readonly number[], runLength: number): number {
  let [low, high] = [family.least, family.most];
  for (let step = 0; step < STEPS; step += 1) {
    const middle = (low + high) / 2;
    if (alarms(family.make(middle, first), first, LENGTHS * runLength) > MOST_ALARMS) low = middle;
    else high = middle;
  }
  return high;
}

/** Alarms over losses without a change; it ends with one too many. */
function alarms(detector: Detector, first: readonly number[], count: number): number {
  const random = seededRandom(17);
  let found = 0;
  for (let i = 0; i < count && found <= MOST_ALARMS; i += 1)
    if (detector.update(first[Math.floor(random() * first.length)]) === 'drift') found += 1;
  return found;
}

/** Gives a detector the means of blocks, in standard deviations of a block of the first losses. */
function ofBlocks(detector: Detector, first: readonly number[]): Detector {
  const n = Math.max(1, first.length);
  const mean = first.reduce((sum, value) => sum + value, 0) / n;
  const variance = first.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n;
  const scale = Math.sqrt(Math.max(variance, 1e-12) / BLOCK);
  const blocked = (inner: Detector, held: number, heldSum: number): Detector => {
    let [count, sum] = [held, heldSum];
    return {
      update: (value) => {
        if (!Number.isFinite(value)) return 'stable';
        count += 1;
        sum += value;
        if (count < BLOCK) return 'stable';
        const verdict = inner.update((sum / count - mean) / scale);
        [count, sum] = [0, 0];
        return verdict;
      },
      copy: () => blocked(inner.copy(), count, sum),
    };
  };
  return blocked(detector, 0, 0);
}
