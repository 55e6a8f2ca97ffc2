import { numberText } from '../../base/number-text.ts';
import type { RolloutPlan } from '../../features/define/rollout.ts';
import type { Loss } from '../../features/define/rollout-loss.ts';
import type { LabelCounts } from '../../model/label-maturity.ts';
import { brierScoreOf } from '../../stats/brier-score.ts';
import type { GroupSums } from '../../stats/grouped-mean.ts';
import { logLossOf } from '../../stats/log-loss.ts';
import type { Moments } from '../../stats/moments.ts';
import { pinballLossOf } from '../../stats/pinball-loss.ts';
import { comparedMeans, MEANS_FROM, pairedInterval } from './compared-means.ts';
import type { ShadowPairs } from './shadow-pairs.ts';

/** Share of a relative margin where none is declared. */
const RELATIVE_MARGIN = 0.05;

/** Losses of one cohort's predictions that have their labels. */
export interface CohortOutcomes {
  readonly predictions: number;
  /** The states of their labels; left out where they are not known. */
  readonly labels?: LabelCounts;
  readonly loss: Moments;
  /** Size and sum of the losses by group of callers; left out where callers are unknown. */
  readonly groups?: GroupSums;
}

/** Labels of the two cohorts. */
export interface Outcomes {
  /** Losses of both versions on the same requests; null or left out: the shadow has none. */
  readonly pairs?: ShadowPairs | null;
  readonly canary: CohortOutcomes;
  readonly baseline: CohortOutcomes;
}

/** The success metric at one look. */
export interface SuccessReading {
  /** worse: certainly. passes: certainly not worse than the margin, or without a margin not certainly worse. inconclusive: neither, or too few labels. */
  readonly outcome: 'worse' | 'passes' | 'inconclusive';
  readonly says: string;
  readonly numbers: Readonly<Record<string, number | null>>;
}

/** How much worse still passes, in the metric's unit; null: any that is not certainly worse. */
export function marginOf({ margin }: NonNullable<RolloutPlan['success']>, loss: number): number | null {
  return margin === false ? null : (margin ?? RELATIVE_MARGIN * Math.abs(loss));
}

/** The loss of one prediction. */
export function lossOf(loss: Loss, quantile: number | null): (score: number, label: number) => number {
  switch (loss) {
    case 'log_loss':
      return logLossOf;
    case 'brier':
      return brierScoreOf;
    case 'absolute_error':
      return (score, label) => Math.abs(score - label);
    case 'squared_error':
      return (score, label) => (score - label) ** 2;
    case 'pinball':
      return (score, label) => pinballLossOf(quantile ?? 0.5, score, label);
    default:
      return loss satisfies never;
  }
}

/**
 * Judges the losses, at this error rate over all looks: those of both versions on the same requests, and those of canary and baseline. Either
 * may show that the candidate is worse, or that it passes; a gain of one is no answer to a loss of the other.
 */
export function successReading(
  success: NonNullable<RolloutPlan['success']>,
  outcomes: Outcomes,
  alpha: number,
): SuccessReading {
  const { pairs = null } = outcomes;
  if (pairs === null || pairs.difference.n < MEANS_FROM) return cohortReading(success, outcomes, alpha);
  const [paired, cohorts] = [pairedReading(success, pairs, alpha / 2), cohortReading(success, outcomes, alpha / 2)];
  const numbers = { ...cohorts.numbers, ...paired.numbers };
  const decides =
    [paired, cohorts].find(({ outcome }) => outcome === 'worse') ??
    [paired, cohorts].find(({ outcome }) => outcome === 'passes');
  if (decides !== undefined) return { ...decides, numbers };
  return { outcome: 'inconclusive', says: `${paired.says}; ${cohorts.says}`, numbers };
}

/** The difference on one request has no noise of which request it was, so far fewer labels tell as much. */
function pairedReading(
  success: NonNullable<RolloutPlan['success']>,
  { requests, champion, difference, groups }: ShadowPairs,
  alpha: number,
): SuccessReading {
  const interval = pairedInterval(difference, groups, alpha);
  const coverage = requests === 0 ? 0 : difference.n / requests;
  const margin = marginOf(success, champion.mean);
  const numbers = {
    pairs: difference.n,
    pairsCoverage: coverage,
    pairsDifference: difference.mean,
    pairsLow: interval?.low ?? null,
    pairsHigh: interval?.high ?? null,
    pairsMargin: margin,
  };
  if (interval === null) {
    const says = 'the pairs of the shadow are of too few callers to tell them from the version';
    return { outcome: 'inconclusive', says, numbers };
  }
  const { low, high } = interval;
  const says = `${success.metric} of the candidate less the champion's, on ${difference.n} requests of the shadow, is in [${numberText(low)}, ${numberText(high)}]`;
  if (low > 0) return { outcome: 'worse', says, numbers };
  if (coverage < success.coverage) {
    const has = `coverage ${numberText(coverage)} of the pairs (${success.coverage} needed)`;
    return { outcome: 'inconclusive', says: has, numbers };
  }
  if (margin === null) return { outcome: 'passes', says: `${says}; without a margin`, numbers };
  return { outcome: high < margin ? 'passes' : 'inconclusive', says: `${says}; margin ${numberText(margin)}`, numbers };
}

/** Judges the losses of canary and baseline. */
function cohortReading(
  success: NonNullable<RolloutPlan['success']>,
  { canary, baseline }: Outcomes,
  alpha: number,
): SuccessReading {
  const [a, b] = [baseline.loss, canary.loss];
  const coverage = Math.min(shareOf(canary), shareOf(baseline));
  const base = {
    coverage,
    canaryLabels: b.n,
    baselineLabels: a.n,
    ...waitingOf('canary', canary),
    ...waitingOf('baseline', baseline),
    canary: b.mean,
    baseline: a.mean,
  };
  const fewest = Math.min(a.n, b.n);
  if (fewest < MEANS_FROM) {
    const says = `${fewest} labels of a cohort, ${Math.max(MEANS_FROM, success.labels)} needed`;
    return { outcome: 'inconclusive', says, numbers: { ...base, low: null, high: null, margin: null } };
  }
  const { low, high, candidateEffective, otherEffective } = comparedMeans(
    { sample: b, groups: canary.groups ?? [] },
    { sample: a, groups: baseline.groups ?? [] },
    alpha,
  );
  const margin = marginOf(success, a.mean);
  const numbers = {
    ...base,
    low,
    high,
    margin,
    canaryEffective: candidateEffective,
    baselineEffective: otherEffective,
  };
  if (low === null || high === null) {
    const says = 'the requests of a cohort are those of too few callers to tell them from the version';
    return { outcome: 'inconclusive', says, numbers };
  }
  const interval = `${success.metric} of the canary less the baseline's is in [${numberText(low)}, ${numberText(high)}]`;
  if (low > 0) return { outcome: 'worse', says: interval, numbers };
  if (fewest < success.labels || coverage < success.coverage) {
    const has = `${fewest} labels of a cohort (${success.labels} needed), coverage ${numberText(coverage)} (${success.coverage} needed)`;
    return { outcome: 'inconclusive', says: has, numbers };
  }
  if (margin === null) return { outcome: 'passes', says: `${interval}; without a margin`, numbers };
  const says = `${interval}; margin ${numberText(margin)}`;
  return { outcome: high < margin ? 'passes' : 'inconclusive', says, numbers };
}

/** The labels that a reading does not rest on yet, and the ones that no event said. */
function waitingOf(name: 'canary' | 'baseline', { labels }: CohortOutcomes): Readonly<Record<string, number>> {
  return labels === undefined ? {} : { [`${name}Pending`]: labels.pending, [`${name}Assumed`]: labels.assumed };
}

function shareOf({ predictions, loss }: CohortOutcomes): number {
  return predictions === 0 ? 0 : loss.n / predictions;
}
