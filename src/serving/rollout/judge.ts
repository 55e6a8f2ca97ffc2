import type { Rollout } from '../../ports/rollout-store.ts';
import { eventEValue } from '../../stats/event-e-value.ts';
import { sampleRatio } from '../../stats/sample-ratio.ts';
import { type Evidence, latencyOf } from './evidence.ts';
import { alphaEach, canaryReadings, type Reading, shadowReadings } from './guardrails.ts';
import { isCompared, isShadowing } from './lane.ts';
import { type Outcomes, type SuccessReading, successReading } from './success.ts';

/** The next action of a rollout. */
export type Action = 'rollBack' | 'hold' | 'advance' | 'promote' | 'complete' | 'wait' | 'tune';

/** A decision and the numbers that it saw. */
export interface Verdict {
  readonly action: Action;
  readonly reason: string;
  readonly numbers: VerdictNumbers;
  /** For `tune` and `advance`: from how long on a prediction is slow, ms. */
  readonly slowMs: number | null;
}

export interface VerdictNumbers {
  readonly requests: Readonly<Record<'canary' | 'baseline' | 'shadow', number>>;
  readonly readings: readonly Reading[];
  readonly ratio: {
    readonly canary: number;
    readonly baseline: number;
    readonly p: number;
    readonly e: number | null;
  } | null;
  readonly success: SuccessReading | null;
}

/** Requests of the baseline from which on its p99 is known. */
const P99_FROM = 200;

/** The ratio of the cohorts is invalid below this chance, at all looks together. */
const RATIO_ALPHA = 0.001;

/**
 * Judges a rollout by its evidence. Pure: the same evidence and time give the same verdict in every process. Every test is
 * valid at any number of looks, so it may be called as often as there is something new.
 */
export function judge(rollout: Rollout, evidence: Evidence, outcomes: Outcomes | null, now: number): Verdict {
  if (isShadowing(rollout)) return judgeShadow(rollout, evidence, now);
  if (isCompared(rollout)) return judgeCanary(rollout, evidence, outcomes, now);
  const nothing = { requests: requestsOf(evidence), readings: [], ratio: null, success: null };
  if (rollout.state === 'soaking' && now - rollout.since >= rollout.plan.soakMs)
    return verdict('complete', 'the soak is over', nothing);
  return verdict('wait', rollout.state === 'soaking' ? 'the version before stays loaded' : 'it is over', nothing);
}

function judgeShadow({ plan, since }: Rollout, evidence: Evidence, now: number): Verdict {
  const readings = shadowReadings(plan, evidence);
  const numbers = { requests: requestsOf(evidence), readings, ratio: null, success: null };
  const tripped = trippedText(readings);
  if (tripped !== null) return verdict('rollBack', tripped, numbers);
  const suspected = suspectedText(readings);
  const { requests } = evidence.shadow;
  if (requests < plan.requests) return verdict('wait', `${requests} copies of ${plan.requests} are scored`, numbers);
  if (now - since < plan.shadowMs) return verdict('wait', 'the time of the shadow is not over', numbers);
  if (suspected !== null) return verdict('wait', suspected, numbers);
  return verdict('advance', `${requests} copies are scored within every guardrail`, numbers);
}

function judgeCanary(rollout: Rollout, evidence: Evidence, outcomes: Outcomes | null, now: number): Verdict {
  const { plan } = rollout;
  // Batch jobs score copies in the canary too: the tests of the shadow continue with them.
  const copies = shadowReadings(plan, evidence).filter((reading) => reading.tripped);
  const readings = [
    ...canaryReadings(plan, evidence),
    ...copies.map((reading) => ({ ...reading, guardrail: `copies, ${reading.guardrail}` })),
  ];
  const ratio = ratioOf(evidence);
  const success =
    plan.success === null || outcomes === null ? null : successReading(plan.success, outcomes, alphaEach(plan));
  const numbers = { requests: requestsOf(evidence), readings, ratio, success };
  const tripped = trippedText(readings);
  if (tripped !== null) return verdict('rollBack', tripped, numbers);
  if (success?.outcome === 'worse') return verdict('rollBack', `success: ${success.says}`, numbers);
  if (ratio?.isInvalid === true) {
    const reason = `the cohorts have ${ratio.canary} and ${ratio.baseline} callers, which is no equal split (p ${ratio.p})`;
    return verdict('hold', reason, numbers);
  }
  const slowMs = slowOf(rollout, evidence);
  if (rollout.slowMs === null && slowMs !== null)
    return verdict('tune', `a prediction is slow from ${slowMs} ms on`, numbers, slowMs);
  return { ...goOn(rollout, evidence, success, now, numbers), slowMs };
}

/** The next action if nothing is wrong. */
function goOn(
  { plan, step, since }: Rollout,
  { canary, baseline }: Evidence,
  success: SuccessReading | null,
  now: number,
  numbers: VerdictNumbers,
): Verdict {
  const needed = plan.requests * (step + 1);
  const fewest = Math.min(canary.requests, baseline.requests);
  if (fewest < needed) return verdict('wait', `${fewest} requests of a cohort, ${needed} needed`, numbers);
  const suspected = suspectedText(numbers.readings);
  if (suspected !== null) return verdict('wait', suspected, numbers);
  if (now - since < plan.everyMs) return verdict('wait', 'the time of the step is not over', numbers);
  if (step + 1 < plan.steps.length)
    return verdict('advance', `${fewest} requests of each cohort are within every guardrail`, numbers);
  if (plan.success === null) return verdict('promote', 'the last step is within every guardrail', numbers);
  if (success?.outcome === 'passes') return verdict('promote', `success: ${success.says}`, numbers);
  return verdict('hold', `inconclusive: ${success?.says ?? 'no label is joined yet'}`, numbers);
}

/**
 * From how long on a prediction is slow, ms: as declared; or the baseline's p99 so far, three times its median where that
 * is less (the tail of a busy machine hides a slow version), and never less than a millisecond.
 */
function slowOf({ plan }: Rollout, { baseline }: Evidence): number | null {
  const { p99 } = plan.guardrails;
  if (p99 !== 'baseline') return p99;
  const [median, tail] = [latencyOf(baseline, 0.5), latencyOf(baseline, 0.99)];
  if (baseline.requests < P99_FROM || median === null || tail === null) return null;
  return Math.max(1, Math.min(tail, 3 * median));
}

function ratioOf({ keys }: Evidence): (NonNullable<VerdictNumbers['ratio']> & { readonly isInvalid: boolean }) | null {
  const [canary, baseline] = [keys.canary.length, keys.baseline.length];
  if (canary + baseline === 0) return null;
  const { p, invalid } = sampleRatio([canary, baseline], [0.5, 0.5]);
  // Pearson's test is for one look: the e-value, in both directions, for all of them.
  const both = { events: canary + baseline, share: 0.5, strength: 50, alpha: RATIO_ALPHA };
  const { e } = eventEValue({ ...both, watched: canary });
  return { canary, baseline, p, e: Number.isFinite(e) ? e : null, isInvalid: invalid && e >= 1 / RATIO_ALPHA };
}

function trippedText(readings: readonly Reading[]): string | null {
  const tripped = readings.filter((reading) => reading.tripped);
  return tripped.length === 0 ? null : tripped.map(({ guardrail, says }) => `${guardrail}: ${says}`).join('; ');
}

function suspectedText(readings: readonly Reading[]): string | null {
  const suspected = readings.filter((reading) => reading.suspected === true);
  if (suspected.length === 0) return null;
  return `not certain yet, ${suspected.map(({ guardrail, says }) => `${guardrail}: ${says}`).join('; ')}`;
}

function requestsOf({ canary, baseline, shadow }: Evidence): VerdictNumbers['requests'] {
  return { canary: canary.requests, baseline: baseline.requests, shadow: shadow.requests };
}

function verdict(action: Action, reason: string, numbers: VerdictNumbers, slowMs: number | null = null): Verdict {
  return { action, reason, numbers, slowMs };
}
