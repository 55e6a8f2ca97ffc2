import type { RolloutPlan } from '../../features/define/rollout.ts';
import { mixtureSprt } from '../../stats/mixture-sprt.ts';
import { type Moments, NO_MOMENTS, varianceOf } from '../../stats/moments.ts';
import type { ModelStatistics } from '../../versions/queue/model-statistics.ts';
import { MEANS_FROM, PRIOR_SD } from './compared-means.ts';
import { alphaEach } from './guardrails.ts';
import { marginOf } from './success.ts';

/** The calls of a model in a span until now. */
export interface RecentCalls {
  /** Length of the span in which they came, ms. */
  readonly spanMs: number;
  readonly calls: number;
  /** Those whose label has come or is assumed, of the ones that cannot get one any more. */
  readonly labelledShare: number | null;
  /** Losses of the champion on those with a label. */
  readonly loss: Moments;
}

/** The calls that this process answered by the loaded versions of a model, since the first of them. Their labels are not known. */
export function servedCalls(versions: Iterable<Answered>, now: number): RecentCalls {
  let [calls, first] = [0, now];
  for (const { success, fail, firstInference } of versions) {
    calls += success.count + fail.count;
    if (firstInference > 0) first = Math.min(first, firstInference);
  }
  return { spanMs: now - first, calls, labelledShare: null, loss: NO_MOMENTS };
}

type Answered = Pick<ModelStatistics, 'success' | 'fail' | 'firstInference'>;

/** The needs of a rollout of a version that is as good as its champion. */
export interface RolloutNeeds {
  readonly steps: readonly {
    /** Of the callers; 0: the shadow. */
    readonly percent: number;
    /** Calls of the model until the step is over. */
    readonly calls: number;
    /** At the recent rate; null: there was no call. */
    readonly ms: number | null;
  }[];
  /** Labels for the proof before the promotion; null: guardrails alone decide, or nothing is known of the losses. */
  readonly labels: {
    /** Of each cohort. */
    readonly ofEachCohort: number;
    /** Calls of the model at the last step until each cohort has them; null: no label came lately. */
    readonly calls: number | null;
    readonly ms: number | null;
    /** Labelled requests of the shadow from which on pairs are judged: 10 to 40 times fewer labels suffice there. */
    readonly pairsFrom: number;
  } | null;
  /** Of all steps and labels together; null: not known. */
  readonly ms: number | null;
}

/** More labels than this are as good as none. */
const MOST_LABELS = 1e9;

/** The calls, the labels and the time that a rollout needs at the recent rate. */
export function rolloutNeeds(plan: RolloutPlan, recent: RecentCalls): RolloutNeeds {
  const perMs = recent.spanMs > 0 ? recent.calls / recent.spanMs : 0;
  const timeOf = (calls: number, leastMs: number) => (perMs === 0 ? null : Math.max(leastMs, calls / perMs));
  const shadow =
    plan.shadowMs === 0 ? [] : [{ percent: 0, calls: plan.requests, ms: timeOf(plan.requests, plan.shadowMs) }];
  const steps = plan.steps.map((percent) => {
    // Requests of earlier steps count: each step asks for as many more.
    const calls = Math.ceil((100 * plan.requests) / percent);
    return { percent, calls, ms: timeOf(calls, plan.everyMs) };
  });
  const all = [...shadow, ...steps];
  const labels = labelsOf(plan, recent, perMs);
  const times = [...all.map(({ ms }) => ms), ...(labels === null ? [] : [labels.ms])];
  const known = times.filter((ms) => ms !== null);
  return { steps: all, labels, ms: known.length < times.length ? null : known.reduce((sum, ms) => sum + ms, 0) };
}

function labelsOf(plan: RolloutPlan, { labelledShare, loss }: RecentCalls, perMs: number): RolloutNeeds['labels'] {
  const { success, steps } = plan;
  if (success === null || loss.n < 2) return null;
  const margin = marginOf(success, loss.mean);
  const ofEachCohort = Math.max(success.labels, MEANS_FROM, margin === null ? 0 : labelsWithin(plan, loss, margin));
  const share = (labelledShare ?? 0) * (steps[steps.length - 1] / 100);
  const calls = share === 0 ? null : Math.ceil(ofEachCohort / share);
  const ms = calls === null || perMs === 0 ? null : calls / perMs;
  return { ofEachCohort, calls, ms, pairsFrom: MEANS_FROM };
}

/** The least labels of each cohort with which the interval of equal losses is within the margin. */
function labelsWithin(plan: RolloutPlan, loss: Moments, margin: number): number {
  const variance = varianceOf(loss);
  const isWithin = (n: number) => {
    const means = { na: n, nb: n, meanA: 0, meanB: 0, varA: variance, varB: variance };
    return mixtureSprt({ ...means, tau2: PRIOR_SD * PRIOR_SD * variance, alpha: alphaEach(plan) }).high < margin;
  };
  let [low, high] = [1, 2];
  while (high < MOST_LABELS && !isWithin(high)) [low, high] = [high, 2 * high];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (isWithin(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** The lines of `headrace rollout start`. */
export function needsLines({ steps, labels, ms }: RolloutNeeds): readonly string[] {
  const calls = steps.reduce((sum, step) => sum + step.calls, 0);
  const time = (of: number | null) => (of === null ? 'an unknown time: no recent call is known' : durationText(of));
  const proof =
    labels === null
      ? []
      : [
          `  proof: ${labels.ofEachCohort} labels of each cohort, ${labels.calls === null ? 'and none came lately' : `so ${labels.calls} calls, ${time(labels.ms)}`}; pairs of the shadow count from ${labels.pairsFrom} labels on, and need 10 to 40 times fewer`,
        ];
  return [`  needs: ${calls} calls in ${steps.length} steps; with all proofs ${time(ms)} at the recent rate`, ...proof];
}

function durationText(ms: number): string {
  const units = [
    ['days', 86_400_000],
    ['hours', 3_600_000],
    ['minutes', 60_000],
  ] as const;
  const [name, size] = units.find(([, least]) => ms >= 2 * least) ?? ['seconds', 1_000];
  return `${Math.ceil(ms / size)} ${name}`;
}
