import type { RolloutPlan } from '../../features/define/rollout.ts';
import { anytimeKs } from '../../stats/anytime-ks.ts';
import { eventEValue } from '../../stats/event-e-value.ts';
import { mixtureSprt } from '../../stats/mixture-sprt.ts';
import { varianceOf } from '../../stats/moments.ts';
import type { Evidence, LaneEvidence } from './evidence.ts';
import { MEANS_FROM, PRIOR_SD } from './success.ts';

/** One guardrail at one look. */
export interface Reading {
  readonly guardrail: string;
  /** Whether the candidate is worse than it allows: valid at any number of looks. */
  readonly tripped: boolean;
  /** In one sentence, with the numbers. */
  readonly says: string;
  /** The numbers that the decision saw. */
  readonly numbers: Readonly<Record<string, number | null>>;
}

/** How many events the prior of the e-values counts for, where two cohorts are of equal size. */
const STRENGTH = 10;

/** The candidate alone in the shadow: shares of copies that may fail. */
const SHADOW_SHARES = { errors: 0.005, timeouts: 0.005, nonFinite: 0.001, range: 0.001, p99: 0.01 } as const;
const SHADOW_STRENGTH = 200;

type Events = 'errors' | 'timeouts' | 'nonFinite' | 'range' | 'p99';

interface EventGuard {
  readonly name: Events;
  readonly events: (lane: LaneEvidence) => number;
  readonly requests: (lane: LaneEvidence) => number;
  readonly what: string;
}

const all = ({ requests }: LaneEvidence): number => requests;

const EVENT_GUARDS: readonly EventGuard[] = [
  { name: 'errors', events: ({ errors }) => errors, requests: all, what: 'errors' },
  { name: 'timeouts', events: ({ timeouts }) => timeouts, requests: all, what: 'timeouts' },
  { name: 'nonFinite', events: ({ nonFinite }) => nonFinite, requests: all, what: 'scores that are no finite number' },
  { name: 'range', events: ({ outOfRange }) => outOfRange, requests: all, what: 'scores outside of the range' },
  { name: 'p99', events: ({ slow }) => slow, requests: ({ timed }) => timed, what: 'slow predictions' },
];

/** The share of the error rate of one metric: every guardrail that is on, and the success metric, get the same. */
export function alphaEach({ alpha, guardrails, success }: RolloutPlan): number {
  const { errors, timeouts, nonFinite, range, p99, scoreShift, scoreDistance } = guardrails;
  const flags = [
    errors,
    timeouts,
    nonFinite,
    range !== null,
    p99 !== null,
    scoreShift !== null,
    scoreDistance !== null,
  ];
  const metrics = flags.filter(Boolean).length + (success === null ? 0 : 1);
  return alpha / Math.max(1, metrics);
}

/** Every guardrail that is on, canary against baseline. */
export function canaryReadings(plan: RolloutPlan, { canary, baseline }: Evidence): readonly Reading[] {
  const alpha = alphaEach(plan);
  return [
    ...EVENT_GUARDS.filter(({ name }) => isOn(plan, name)).map((guard) => against(guard, canary, baseline, alpha)),
    ...scoreReadings(plan, canary, baseline, alpha),
  ];
}

/** Every guardrail that is on, the candidate on copies of requests: against fixed shares, and against the champion's scores. */
export function shadowReadings(plan: RolloutPlan, { shadow, shadowed }: Evidence): readonly Reading[] {
  const alpha = alphaEach(plan);
  return [
    ...EVENT_GUARDS.filter(({ name }) => isOn(plan, name)).map((guard) => alone(guard, shadow, alpha)),
    ...scoreReadings(plan, shadow, shadowed, alpha),
  ];
}

function isOn({ guardrails }: RolloutPlan, name: Events): boolean {
  const value = guardrails[name];
  return value !== null && value !== false;
}

function against(
  { name, events, what }: EventGuard,
  canary: LaneEvidence,
  baseline: LaneEvidence,
  alpha: number,
): Reading {
  const [watched, others] = [events(canary), events(baseline)];
  const test = eventEValue({ events: watched + others, watched, share: 0.5, strength: STRENGTH, alpha });
  return {
    guardrail: name,
    tripped: test.stops,
    says: `${watched} ${what} of the canary, ${others} of the baseline (e ${shown(test.e)}, limit ${shown(1 / alpha)})`,
    numbers: {
      canary: watched,
      baseline: others,
      canaryRequests: canary.requests,
      baselineRequests: baseline.requests,
      e: finite(test.e),
      limit: 1 / alpha,
    },
  };
}

function alone({ name, events, requests, what }: EventGuard, shadow: LaneEvidence, alpha: number): Reading {
  const share = SHADOW_SHARES[name];
  const [found, asked] = [events(shadow), requests(shadow)];
  const test = eventEValue({ events: asked, watched: found, share, strength: SHADOW_STRENGTH, alpha });
  return {
    guardrail: name,
    tripped: test.stops,
    says: `${found} ${what} of ${asked} copies, ${share * 100} % allowed (e ${shown(test.e)}, limit ${shown(1 / alpha)})`,
    numbers: { shadow: found, shadowRequests: asked, share, e: finite(test.e), limit: 1 / alpha },
  };
}

/** Shift of the mean score and distance of the scores, beyond the allowed limits. */
function scoreReadings(plan: RolloutPlan, b: LaneEvidence, a: LaneEvidence, alpha: number): readonly Reading[] {
  const { scoreShift, scoreDistance } = plan.guardrails;
  const readings: Reading[] = [];
  if (scoreShift !== null) readings.push(shiftReading(scoreShift, b, a, alpha));
  if (scoreDistance !== null) readings.push(distanceReading(scoreDistance, b, a, alpha));
  return readings;
}

function shiftReading(most: number, b: LaneEvidence, a: LaneEvidence, alpha: number): Reading {
  const sd = Math.sqrt(varianceOf(a.scores));
  const [varA, varB] = [varianceOf(a.scores), varianceOf(b.scores)];
  const tau2 = (PRIOR_SD * PRIOR_SD * (varA + varB)) / 2;
  const isEnough = a.scores.n >= MEANS_FROM && b.scores.n >= MEANS_FROM;
  const means = { na: a.scores.n, nb: b.scores.n, meanA: a.scores.mean, meanB: b.scores.mean };
  const test = isEnough ? mixtureSprt({ ...means, varA, varB, tau2, alpha }) : null;
  // Equal scores have no deviation: their rounding is no shift.
  const allowed = Math.max(most * sd, 1e-6 * Math.max(1, Math.abs(a.scores.mean)));
  return {
    guardrail: 'scoreShift',
    tripped: test !== null && (test.low > allowed || test.high < -allowed),
    says: `mean score ${shown(b.scores.mean)} against ${shown(a.scores.mean)}; allowed ±${shown(allowed)}`,
    numbers: {
      candidate: b.scores.mean,
      champion: a.scores.mean,
      allowed,
      low: test?.low ?? null,
      high: test?.high ?? null,
    },
  };
}

function distanceReading(most: number, b: LaneEvidence, a: LaneEvidence, alpha: number): Reading {
  const bins = [...new Set([...binsOf(a.bins), ...binsOf(b.bins)])].sort((x, y) => x - y);
  const countsOf = (sparse: readonly number[]) => {
    const counts = new Map<number, number>();
    for (let i = 0; i < sparse.length; i += 2) counts.set(sparse[i], sparse[i + 1]);
    return bins.map((bin) => counts.get(bin) ?? 0);
  };
  const { distance, atLeast } = anytimeKs({ a: countsOf(a.bins), b: countsOf(b.bins) }, alpha);
  return {
    guardrail: 'scoreDistance',
    tripped: atLeast > most,
    says: `distance of the scores ${shown(distance)}, at least ${shown(atLeast)}; allowed ${most}`,
    numbers: { distance, atLeast, allowed: most },
  };
}

function binsOf(sparse: readonly number[]): readonly number[] {
  return sparse.filter((_, i) => i % 2 === 0);
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function shown(value: number): string {
  return String(Number(value.toPrecision(3)));
}
