import { rolloutPlan } from '../../src/features/define/rollout.ts';
import { CallerGroups, callerGroup } from '../../src/serving/rollout/caller-groups.ts';
import { latencyOf } from '../../src/serving/rollout/evidence.ts';
import { EvidenceCounter } from '../../src/serving/rollout/evidence-counter.ts';
import { alphaEach, canaryReadings } from '../../src/serving/rollout/guardrails.ts';
import { successReading } from '../../src/serving/rollout/success.ts';
import { NO_MOMENTS, withValue } from '../../src/stats/moments.ts';
import { mannWhitneyShift } from './mann-whitney.ts';
import type { Minute, Sample } from './streams.ts';

/** A rule sees minutes one after the other; true: it rolls back. */
export interface Rule {
  readonly name: string;
  readonly begin: () => (minute: Minute) => boolean;
}

const PLAN = rolloutPlan({
  name: 'simulated',
  task: 'regression',
  quantile: null,
  service: { request: {} },
  rollout: {},
});

/** The guardrails and the success metric of this project, as they run, with their defaults. */
const headrace: Rule = {
  name: 'Headrace',
  begin: () => {
    let [minute, now] = [0, 0];
    const counter = new EvidenceCounter({ task: 'regression', range: null, monotonic: () => now });
    const losses = { canary: NO_MOMENTS, baseline: NO_MOMENTS };
    const groups = { canary: new CallerGroups(), baseline: new CallerGroups() };
    const count = (lane: 'canary' | 'baseline', { isError, latencyMs, score, loss, caller }: Sample) => {
      const isNumber = Number.isFinite(score);
      counter.call(lane, isError ? 'error' : isNumber ? 'scored' : 'nonFinite', { latencyMs });
      if (isError || !isNumber) return;
      const group = caller === undefined ? null : callerGroup(caller);
      counter.score(lane, score, group);
      losses[lane] = withValue(losses[lane], loss);
      groups[lane].add(group, loss);
    };
    return ({ canary, baseline }) => {
      const lanes = { canary, baseline };
      const requests = Object.entries(lanes).flatMap(([lane, samples]) =>
        samples.map((sample, i) => ({ lane: lane as keyof typeof lanes, sample, at: (i + 0.5) / samples.length })),
      );
      for (const { lane, sample, at } of requests.sort((a, b) => a.at - b.at)) {
        now = 60_000 * (minute + at);
        count(lane, sample);
      }
      minute += 1;
      const evidence = counter.evidence();
      if (canaryReadings(PLAN, evidence).some(({ tripped }) => tripped)) return true;
      const outcome = (lane: 'canary' | 'baseline') => ({
        predictions: losses[lane].n,
        loss: losses[lane],
        groups: groups[lane].sums(),
      });
      const outcomes = { canary: outcome('canary'), baseline: outcome('baseline') };
      if (PLAN.success !== null && successReading(PLAN.success, outcomes, alphaEach(PLAN)).outcome === 'worse')
        return true;
      if (counter.slowMs === null && evidence.baseline.requests >= 200) {
        const [median, tail] = [latencyOf(evidence.baseline, 0.5) ?? 0, latencyOf(evidence.baseline, 0.99) ?? 0];
        counter.slowMs = Math.min(tail, 3 * median);
      }
      return false;
    };
  },
};

/**
 * Flagger as its guide configures it (docs.flagger.app, "Metrics analysis" and "How it works"): each minute the success rate
 * of the canary is at least 99 % and its p99 at most 500 ms; the fifth failed check rolls back.
 */
const flagger: Rule = {
  name: 'Flagger',
  begin: () => {
    let failed = 0;
    return ({ canary }) => {
      if (successRate(canary) < 0.99) failed += 1;
      else if (p99(canary) > 500) failed += 1;
      return failed >= 5;
    };
  },
};

/**
 * Argo Rollouts as its guide configures it (argo-rollouts v1.10, docs/features/analysis.md, "Background analysis"): every five
 * minutes the success rate of the canary is at least 95 %. More failures than `failureLimit: 3` abort.
 */
const argo: Rule = {
  name: 'Argo Rollouts',
  begin: () => {
    let failed = 0;
    let window: Sample[] = [];
    let minute = 0;
    return ({ canary }) => {
      window.push(...canary);
      minute += 1;
      if (minute % 5 !== 0) return false;
      if (successRate(window) < 0.95) failed += 1;
      window = [];
      return failed > 3;
    };
  },
};

/** Judgements of Kayenta: from 50 points of each metric on, and then every ten minutes. */
const JUDGED_FROM = 50;
const JUDGED_EVERY = 10;

/**
 * Kayenta's NetflixACAJudge-v1.0 (spinnaker/kayenta@39c1d8a3): a point a minute for each metric; NaN and outliers beyond three
 * interquartile ranges dropped; Mann–Whitney at 0.98, tolerance 0.25. Every metric is critical, and it also gets the mean score
 * and the mean loss, which a team has to bring.
 */
const kayenta: Rule = {
  name: 'Kayenta',
  begin: () => {
    const series = METRICS.map(() => ({ canary: [] as number[], baseline: [] as number[] }));
    let minute = 0;
    return ({ canary, baseline }) => {
      minute += 1;
      METRICS.forEach(({ of }, i) => {
        series[i].canary.push(of(canary));
        series[i].baseline.push(of(baseline));
      });
      if (minute < JUDGED_FROM || minute % JUDGED_EVERY !== 0) return false;
      return METRICS.some(({ direction }, i) => {
        const verdict = classify(series[i].canary, series[i].baseline, 0.25, 0.98);
        return verdict === 'High' || (verdict === 'Low' && direction === 'either');
      });
    };
  },
};

interface Metric {
  readonly of: (samples: readonly Sample[]) => number;
  readonly direction: 'increase' | 'either';
}

const METRICS: readonly Metric[] = [
  { of: (samples) => 1 - successRate(samples), direction: 'increase' },
  { of: p99, direction: 'increase' },
  { of: (samples) => meanOf(samples.map(({ score }) => score).filter(Number.isFinite)), direction: 'either' },
  { of: (samples) => meanOf(samples.map(({ loss }) => loss)), direction: 'increase' },
];

/** Kayenta's class of an experiment against its control. */
export function classify(
  experiment: readonly number[],
  control: readonly number[],
  tolerance: number,
  confidence: number,
): 'High' | 'Low' | 'Pass' {
  const [x, y] = [withoutOutliers(experiment), withoutOutliers(control)];
  if (new Set([...x, ...y]).size === 1) return 'Pass';
  const { low, high, estimate } = mannWhitneyShift(x, y, confidence);
  const allowed = tolerance * Math.abs(estimate);
  if (low > allowed) return 'High';
  return high < -allowed ? 'Low' : 'Pass';
}

function withoutOutliers(values: readonly number[]): readonly number[] {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  const [low, high] = [quantile(sorted, 0.25), quantile(sorted, 0.75)];
  const most = 3 * (high - low);
  return sorted.filter((value) => value >= low - most && value <= high + most);
}

function successRate(samples: readonly Sample[]): number {
  return 1 - samples.filter(({ isError }) => isError).length / samples.length;
}

function p99(samples: readonly Sample[]): number {
  return quantile(
    samples.map(({ latencyMs }) => latencyMs).sort((a, b) => a - b),
    0.99,
  );
}

function quantile(sorted: readonly number[], share: number): number {
  const at = share * (sorted.length - 1);
  const low = sorted[Math.floor(at)];
  return low + (sorted[Math.ceil(at)] - low) * (at - Math.floor(at));
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The rules of the comparison. */
export const rules: readonly Rule[] = [headrace, flagger, argo, kayenta];
