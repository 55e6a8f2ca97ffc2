import { fail } from '../../base/errors/fail.ts';
import { seededRandom } from '../../base/rng.ts';
import { omniscientCost } from './omniscient.ts';
import type { Policy, PolicyJob } from './policy.ts';
import { runWindow, type WindowResult } from './run-window.ts';
import type { SpotTrace } from './trace/spot-trace.ts';
import { type TraceStatistics, traceStatistics, upUntil } from './up-periods.ts';

/** A job over a trace. Whole seconds; prices in USD for a node and an hour. */
export interface SimulateOptions {
  readonly trace: SpotTrace;
  /** Instances of the trace that the gang needs. */
  readonly nodes: number;
  /** Nodes that are paid; `nodes` if left out. */
  readonly nodesPriced?: number | undefined;
  readonly workS: number;
  readonly deadlineS: number;
  readonly changeoverS: number;
  readonly onDemandUsd: number;
  readonly spotUsd: number;
  readonly policies: readonly Policy[];
  /** Ticks between two starts; about 300 starts if left out. */
  readonly startStep?: number | undefined;
  /** Share of starts on demand that fail and are tried again in the next tick (0). */
  readonly failureShare?: number | undefined;
  readonly seed?: number | undefined;
  /** A gang on demand keeps the spot nodes that there are. */
  readonly mixed?: boolean | undefined;
  /** Leave out the omniscient bound. */
  readonly withoutBound?: boolean | undefined;
}

/** Costs of one policy over all starts. A mean is over the runs that finished: read it with `late` and `unfinished`. */
export interface PolicyOutcome {
  readonly policy: string;
  readonly finished: number;
  readonly late: number;
  readonly unfinished: number;
  /** Share of starts that missed the deadline: late or unfinished. */
  readonly missedShare: number;
  readonly costUsd: Quantiles | null;
  readonly finishS: Quantiles | null;
  /** 1 − mean cost / mean cost of the policy on demand; null where one of them is missing. */
  readonly saving: number | null;
  readonly meanStarts: number;
  readonly meanPreemptions: number;
  /** The cost of each finished run, in the order of starts; for draws of a plan. */
  readonly costs: readonly number[];
  /** Seconds from start to finish of the same runs. */
  readonly finishes: readonly number[];
}

export interface Quantiles {
  readonly mean: number;
  readonly p10: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly most: number;
}

/** All policies over one trace. */
export interface Simulation {
  readonly trace: string;
  readonly gapS: number;
  readonly starts: number;
  readonly startStep: number;
  readonly statistics: TraceStatistics;
  readonly outcomes: readonly PolicyOutcome[];
  /** The least mean cost of any policy that knows the future; null where it was left out. */
  readonly omniscientUsd: number | null;
}

/** Simulates each policy from many starts of a trace. A start whose deadline is after the end of the trace is left out. Errors: COST_SIMULATION. */
export function simulate(options: SimulateOptions): Simulation {
  const { trace, nodes, deadlineS, policies } = checkedOptions(options);
  const { counts, gapS } = trace;
  const room = counts.length - Math.ceil(deadlineS / gapS);
  if (room < 1)
    throw fail('COST_SIMULATION', {
      reason: `the trace ${trace.name} has ${((counts.length * gapS) / 3600).toFixed(1)} h, and the deadline is ${(deadlineS / 3600).toFixed(1)} h`,
    });
  const startStep = options.startStep ?? Math.max(1, Math.floor(room / 300));
  const starts = Array.from({ length: Math.ceil(room / startStep) }, (_, index) => index * startStep);
  const until = upUntil(counts, nodes);
  const runs = policies.map((policy) => ({ policy, results: runsOf(options, policy, starts, until) }));
  const outcomes = runs.map(({ policy, results }) => outcomeOf(options, policy, results));
  const base = outcomes.find(({ policy }) => policy === 'on_demand')?.costUsd?.mean;
  return {
    trace: trace.name,
    gapS,
    starts: starts.length,
    startStep,
    statistics: traceStatistics(counts, gapS, nodes),
    outcomes: outcomes.map((one) => ({
      ...one,
      saving: base === undefined || one.costUsd === null ? null : 1 - one.costUsd.mean / base,
    })),
    omniscientUsd: options.withoutBound === true ? null : meanBound(options, starts),
  };
}

function runsOf(
  options: SimulateOptions,
  policy: Policy,
  starts: readonly number[],
  until: Uint32Array,
): readonly WindowResult[] {
  const { trace, nodes, failureShare = 0, seed = 1, mixed = false } = options;
  const random = seededRandom(seed);
  const job: PolicyJob = {
    workS: options.workS,
    deadlineS: options.deadlineS,
    gapS: trace.gapS,
    changeoverS: options.changeoverS,
    priceRatio: options.onDemandUsd / options.spotUsd,
  };
  return starts.map((from) =>
    runWindow({
      counts: trace.counts,
      from,
      to: trace.counts.length,
      nodes,
      job,
      policy,
      mixed,
      upUntil: until,
      ...(failureShare > 0 ? { provides: () => random() >= failureShare } : {}),
    }),
  );
}

/** USD of a run of the whole gang. */
function windowCostUsd(
  { spotTicks, onDemandTicks, mixedSpotNodeTicks }: WindowResult,
  { trace, nodes, nodesPriced = nodes, onDemandUsd, spotUsd }: SimulateOptions,
): number {
  const nodeTicks = nodesPriced * (spotTicks * spotUsd + onDemandTicks * onDemandUsd);
  const mixedSaving = mixedSpotNodeTicks * (nodesPriced / nodes) * (onDemandUsd - spotUsd);
  return ((nodeTicks - mixedSaving) * trace.gapS) / 3600;
}

function outcomeOf(
  options: SimulateOptions,
  { name }: Policy,
  results: readonly WindowResult[],
): Omit<PolicyOutcome, 'saving'> {
  const { gapS } = options.trace;
  const finished = results.filter(({ finishTick }) => finishTick >= 0);
  const costs = finished.map((result) => windowCostUsd(result, options));
  const finishes = finished.map(({ finishTick }) => finishTick * gapS);
  const late = finishes.filter((at) => at > options.deadlineS).length;
  const unfinished = results.length - finished.length;
  const mean = (of: (result: WindowResult) => number) =>
    finished.length === 0 ? 0 : finished.reduce((sum, one) => sum + of(one), 0) / finished.length;
  return {
    policy: name,
    finished: finished.length,
    late,
    unfinished,
    missedShare: (late + unfinished) / results.length,
    costUsd: quantilesOf(costs),
    finishS: quantilesOf(finishes),
    meanStarts: mean(({ starts }) => starts),
    meanPreemptions: mean(({ preemptions }) => preemptions),
    costs,
    finishes,
  };
}

/** Mean and quantiles by the lower order statistic, `sorted[⌊q·(n − 1)⌋]`; null of none. */
function quantilesOf(values: readonly number[]): Quantiles | null {
  if (values.length === 0) return null;
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, p10: at(0.1), p50: at(0.5), p90: at(0.9), p95: at(0.95), most: at(1) };
}

function meanBound(options: SimulateOptions, starts: readonly number[]): number | null {
  const { trace, nodes, nodesPriced = nodes, workS, deadlineS, changeoverS } = options;
  const tickCost = (usd: number) => (usd * nodesPriced * trace.gapS) / 3600;
  let sum = 0;
  for (const from of starts) {
    const cost = omniscientCost({
      counts: trace.counts,
      from,
      nodes,
      workS,
      deadlineS,
      gapS: trace.gapS,
      changeoverS,
      spotTickCost: tickCost(options.spotUsd),
      onDemandTickCost: tickCost(options.onDemandUsd),
    });
    if (cost === null) return null;
    sum += cost;
  }
  return sum / starts.length;
}

function checkedOptions(options: SimulateOptions): SimulateOptions {
  const { workS, deadlineS, changeoverS, nodes, onDemandUsd, spotUsd, startStep = 1, failureShare = 0 } = options;
  const whole = (value: number, least: number) => Number.isSafeInteger(value) && value >= least;
  const wrong = [
    whole(workS, 1) ? undefined : 'the work is no whole number of seconds above 0',
    whole(deadlineS, 1) ? undefined : 'the deadline is no whole number of seconds above 0',
    whole(changeoverS, 0) ? undefined : 'the changeover is no whole number of seconds',
    whole(nodes, 1) ? undefined : 'the number of nodes is no whole number above 0',
    whole(startStep, 1) ? undefined : 'the step between starts is no whole number of ticks above 0',
    onDemandUsd > 0 && Number.isFinite(onDemandUsd) ? undefined : 'the price on demand is not above 0',
    spotUsd > 0 && Number.isFinite(spotUsd) ? undefined : 'the price of spot is not above 0',
    failureShare >= 0 && failureShare < 1 ? undefined : 'the share of failed starts is not from 0 to below 1',
    deadlineS >= workS + changeoverS
      ? undefined
      : `the deadline of ${deadlineS} s is shorter than the work of ${workS} s and one changeover of ${changeoverS} s`,
  ].find((reason) => reason !== undefined);
  if (wrong !== undefined) throw fail('COST_SIMULATION', { reason: wrong });
  return options;
}
