import { type CheckpointCosts, checkpointInterval } from '../spot/interval/checkpoint-interval.ts';
import { policies } from '../spot/policies/policies.ts';
import type { Policy } from '../spot/policy.ts';
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
  /** The deadline that the policy runs by: that of the job, or an earlier one, which can cost less. */
  readonly deadlineS: number;
  /** Wall time of work with the blocked time of its checkpoints. */
  readonly checkpointFactor: number;
  readonly checkpointS: number;
  readonly wallOverWork: number;
  /** The facts that the interval is chosen by. */
  readonly checkpoint: CheckpointCosts;
  readonly discount: number;
}

/** Settings to choose from, or why there is none; and what blocks them in spite of that. */
export interface SpotChoice {
  readonly settings: readonly SpotSetting[];
  readonly state: 'used' | 'blocked' | 'no saving' | 'no data';
  readonly reason: string;
}

/** Time to the deadline where the job names none, by the time of its work. */
const USUAL_DEADLINE = 1.5;

/** Policies are tried with deadlines of 1.05, 1.05², … times the hours of the job: the same ones, however late the job's deadline is. */
const DEADLINE_STEP = 1.05;
const MOST_DEADLINES = 36;

/** The deadline of a job, from its start. */
export function deadlineSecondsOf({ deadlineHours, hours }: Job): number {
  return Math.ceil((deadlineHours ?? hours * USUAL_DEADLINE) * 3600);
}

/**
 * Finds interval, changeover, and each policy with each deadline that it may run by. A later deadline of the job only adds to them, so
 * that it never makes the least cost rise. A job whose resume is not proven by a drill is blocked.
 */
export function spotSettings(job: Job, offers: ChosenOffers, given: readonly SpotTrace[]): SpotChoice {
  const { checkpoint, proof } = job;
  const { spot } = offers;
  const none = (state: SpotChoice['state'], reason: string): SpotChoice => ({ settings: [], state, reason });
  if (spot === null) return none('no data', offers.noSpot);
  if (given.length === 0) return none('no data', 'no recorded trace was given: --trace FILE');
  const deadlines = deadlinesOf(job);
  const longest = (traces: readonly SpotTrace[], deadlineS: number) =>
    traces.filter(({ counts, gapS }) => counts.length > Math.ceil(deadlineS / gapS));
  if (longest(given, deadlines[0] ?? deadlineSecondsOf(job)).length === 0)
    return none('no data', 'no trace is as long as the deadline');
  if (checkpoint === undefined) {
    const objection = proof === null || proof.objections.length === 0 ? [] : [drillState(proof).reason];
    const reasons = [...objection, 'checkpoints were not measured: run the drill, or state checkpoint in the job'];
    return none('blocked', reasons.join('; '));
  }
  const traceNodes = job.traceNodes ?? nodesOf(job);
  const up = given.map((trace) => traceStatistics(trace.counts, trace.gapS, traceNodes).mtbfS ?? 0);
  const mtbfS = up.reduce((sum, one) => sum + one, 0) / up.length;
  if (mtbfS === 0) return none('no data', `${traceNodes} instances are never up at once in the traces`);
  const { blockedS, restartS, persistLagS } = checkpoint;
  const costs = { blockedS, restartS, persistLagS, mtbfS };
  const { exactS, wallOverWork } = checkpointInterval(costs);
  const base = {
    traceNodes,
    upUntil: new Map(given.map((trace) => [trace, upUntil(trace.counts, traceNodes)])),
    // A start costs the restart and, on average, half of an interval of lost work.
    changeoverS: Math.round(restartS + persistLagS + (exactS + blockedS) / 2),
    checkpointFactor: (exactS + blockedS) / exactS,
    checkpointS: exactS,
    wallOverWork: wallOverWork.exact,
    checkpoint: costs,
    discount: 1 - spot.usd / spot.onDemandUsd,
  };
  const settings = deadlines.flatMap((deadlineS) => {
    const traces = longest(given, deadlineS);
    return traces.length === 0 ? [] : tried.map((policy) => ({ ...base, traces, deadlineS, policy }));
  });
  if (settings.length === 0) return none('no saving', 'the deadline leaves no time for one changeover');
  return { settings, ...drillState(proof) };
}

const tried = policies.filter(({ name }) => ['greedy', 'uniform_progress', 'hybrid'].includes(name));

function deadlinesOf(job: Job): readonly number[] {
  const last = deadlineSecondsOf(job);
  return Array.from({ length: MOST_DEADLINES }, (_, index) =>
    Math.ceil(job.hours * 3600 * DEADLINE_STEP ** (index + 1)),
  ).filter((deadlineS) => deadlineS <= last);
}

function drillState(proof: Job['proof']): Pick<SpotChoice, 'state' | 'reason'> {
  if (proof === null) return { state: 'blocked', reason: 'no drill proves that the job resumes' };
  const { objections, notes = [] } = proof;
  if (objections.length === 0)
    return { state: 'used', reason: ['a drill proves that the job resumes', ...notes].join('; ') };
  return { state: 'blocked', reason: `the drill does not stand for this job: ${objections.join('; ')}` };
}
