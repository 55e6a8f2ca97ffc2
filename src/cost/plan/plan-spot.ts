import { checkpointInterval, spotPays } from '../spot/interval/checkpoint-interval.ts';
import { policies } from '../spot/policies/policies.ts';
import type { Policy } from '../spot/policy.ts';
import { simulate } from '../spot/simulate.ts';
import type { SpotTrace } from '../spot/trace/spot-trace.ts';
import { traceStatistics, upUntil } from '../spot/up-periods.ts';
import type { ChosenOffers } from './choose-offers.ts';
import { type Job, nodesOf } from './job.ts';

/** How spot would run the job: whole seconds, for draws of windows. */
export interface SpotSetting {
  readonly policy: Policy;
  readonly traces: readonly SpotTrace[];
  readonly traceNodes: number;
  /** Of each trace, where the up period of a tick ends. */
  readonly upUntil: ReadonlyMap<SpotTrace, Uint32Array>;
  readonly changeoverS: number;
  readonly deadlineS: number;
  /** Wall time of work with the blocked time of its checkpoints. */
  readonly checkpointFactor: number;
  readonly checkpointS: number;
  readonly wallOverWork: number;
  readonly discount: number;
}

/** A setting, or why there is none; and what blocks it in spite of one. */
export interface SpotChoice {
  readonly setting: SpotSetting | null;
  readonly state: 'used' | 'blocked' | 'no saving' | 'no data';
  readonly reason: string;
}

/** Time to the deadline where the job names none, by the time of its work. */
const USUAL_DEADLINE = 1.5;

/**
 * Finds interval, changeover and the policy with the least mean cost among those that miss no deadline on the traces. A job whose
 * resume is not proven by a drill is blocked.
 */
export function chooseSpot(job: Job, workS: number, offers: ChosenOffers, given: readonly SpotTrace[]): SpotChoice {
  const { checkpoint, proof } = job;
  const deadlineS = Math.ceil((job.deadlineHours ?? job.hours * USUAL_DEADLINE) * 3600);
  const traces = given.filter(({ counts, gapS }) => counts.length > Math.ceil(deadlineS / gapS));
  const { spot, today } = offers;
  if (spot === null)
    return { setting: null, state: 'no data', reason: 'no usable price of spot is known for these nodes' };
  if (given.length > 0 && traces.length === 0)
    return { setting: null, state: 'no data', reason: 'no trace is as long as the deadline' };
  if (traces.length === 0)
    return { setting: null, state: 'no data', reason: 'no recorded trace was given: --trace FILE' };
  if (checkpoint === undefined) {
    const objection = proof === null || proof.objections.length === 0 ? [] : [drillState(proof).reason];
    const reasons = [...objection, 'checkpoints were not measured: run the drill, or state checkpoint in the job'];
    return { setting: null, state: 'blocked', reason: reasons.join('; ') };
  }
  const traceNodes = job.traceNodes ?? nodesOf(job);
  const up = traces.map((trace) => traceStatistics(trace.counts, trace.gapS, traceNodes).mtbfS ?? 0);
  const mtbfS = up.reduce((sum, one) => sum + one, 0) / up.length;
  if (mtbfS === 0)
    return { setting: null, state: 'no data', reason: `${traceNodes} instances are never up at once in the traces` };
  const { blockedS, restartS, persistLagS } = checkpoint;
  const { exactS, wallOverWork } = checkpointInterval({ blockedS, restartS, persistLagS, mtbfS });
  const discount = 1 - spot.usd / today.usd;
  const checkpointFactor = (exactS + blockedS) / exactS;
  const base = {
    traces,
    traceNodes,
    upUntil: new Map(traces.map((trace) => [trace, upUntil(trace.counts, traceNodes)])),
    // A start costs the restart and, on average, half of an interval of lost work.
    changeoverS: Math.round(restartS + persistLagS + (exactS + blockedS) / 2),
    checkpointFactor,
    checkpointS: exactS,
    wallOverWork: wallOverWork.exact,
    discount,
  };
  const jobS = Math.round(workS * checkpointFactor);
  if (deadlineS < jobS + base.changeoverS)
    return { setting: null, state: 'no saving', reason: 'the deadline leaves no time for one changeover' };
  const policy = bestPolicy({ ...base, deadlineS }, jobS, offers);
  if (policy === undefined) return { setting: null, state: 'no data', reason: 'there is no policy' };
  const setting = { ...base, deadlineS, policy };
  if (!spotPays(discount, wallOverWork.exact))
    return {
      setting,
      state: 'no saving',
      reason: `(1 − ${discount.toFixed(2)}) × ${wallOverWork.exact.toFixed(2)} is not below 1`,
    };
  return { setting, ...drillState(proof) };
}

function drillState(proof: Job['proof']): Pick<SpotChoice, 'state' | 'reason'> {
  if (proof === null) return { state: 'blocked', reason: 'no drill proves that the job resumes' };
  const { objections } = proof;
  if (objections.length === 0) return { state: 'used', reason: 'a drill proves that the job resumes' };
  return { state: 'blocked', reason: `the drill does not stand for this job: ${objections.join('; ')}` };
}

function bestPolicy(
  setting: Omit<SpotSetting, 'policy'>,
  workS: number,
  { spot, today }: ChosenOffers,
): Policy | undefined {
  const tried = policies.filter(({ name }) => ['greedy', 'uniform_progress', 'hybrid'].includes(name));
  const costs = new Map(tried.map((policy) => [policy, 0]));
  for (const trace of setting.traces) {
    const { outcomes } = simulate({
      trace,
      nodes: setting.traceNodes,
      workS,
      deadlineS: setting.deadlineS,
      changeoverS: setting.changeoverS,
      onDemandUsd: today.usd,
      spotUsd: spot?.usd ?? today.usd,
      policies: tried,
      withoutBound: true,
    });
    for (const [index, policy] of tried.entries()) {
      const outcome = outcomes[index];
      const late = outcome === undefined || outcome.missedShare > 0;
      costs.set(policy, (costs.get(policy) ?? 0) + (late ? Number.POSITIVE_INFINITY : (outcome.costUsd?.mean ?? 0)));
    }
  }
  return [...costs].sort(([, a], [, b]) => a - b)[0]?.[0];
}
