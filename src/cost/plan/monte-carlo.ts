// Hot path: ten thousand draws, each a step, a price and a window of a trace.
import { type Random, randomBelow, randomNormal, seededRandom } from '../../base/rng.ts';
import { runWindow } from '../spot/run-window.ts';
import type { Prior } from '../techniques/technique.ts';
import { drawPrior, explainedShare, fanOf, type Range, rangeOf } from './draw.ts';
import { applied, type Candidate } from './evaluate-techniques.ts';
import type { SpotSetting } from './plan-spot.ts';
import { type StepFacts, stepTimes } from './step-model.ts';

/** Everything that a draw depends on. Hours, USD for a node and an hour. */
export interface DrawInputs {
  readonly step: StepFacts;
  readonly chosen: readonly Candidate[];
  readonly hours: number;
  readonly gpusPerNode: number;
  readonly onDemandUsd: number;
  /** Spot and on demand of one offer, USD for a node and an hour; `moveUsd`: once, to bring the data there. */
  readonly spot: {
    readonly setting: SpotSetting;
    readonly usd: number;
    readonly onDemandUsd: number;
    readonly moveUsd: number;
    readonly ageDays: number;
  } | null;
  /** When the job has to be finished. */
  readonly deadlineHours: number;
  /** Relative spread of the measured step. */
  readonly spread: number;
  readonly draws: number;
  readonly seed: number;
}

/** Costs and times over all draws, and what explains their spread. */
export interface Draws {
  readonly costUsd: Range;
  readonly hours: Range;
  /** Time that nodes are paid for: without waits for spot. */
  readonly paidHours: Range;
  /** The mean price of a node and an hour of it. */
  readonly paidUsd: Range;
  readonly saving: Range;
  readonly missedShare: number;
  /** Costs and times in order, at evenly spaced shares of the draws. */
  readonly fan: Fan;
  readonly inputs: readonly { readonly name: string; readonly share: number }[];
}

/** Outcomes of the draws in order, from the least to the greatest: the same number of points of both. */
export interface Fan {
  readonly costUsd: readonly number[];
  readonly hours: readonly number[];
}

/** Prices of spot drift by about this share in a week. */
const WEEKLY_DRIFT = 0.05;

/** Draws priors, prices, traces and starts; the cost of each draw is that of one run. */
export function drawCosts(inputs: DrawInputs): Draws {
  const { step, chosen, draws, onDemandUsd, hours, spot } = inputs;
  const random = seededRandom(inputs.seed);
  const before = stepTimes(step);
  const series = new Series(draws);
  const cost = new Float64Array(draws);
  const time = new Float64Array(draws);
  const paid = new Float64Array(draws);
  const price = new Float64Array(draws);
  const saving = new Float64Array(draws);
  const baseUsd = hours * nodes(step.gpus, inputs.gpusPerNode) * onDemandUsd;
  let missed = 0;
  for (let draw = 0; draw < draws; draw += 1) {
    let number = 0;
    const after = stepTimes(
      applied(step, chosen, (prior: Prior) => {
        const value = drawPrior(prior, random);
        series.set(number, chosenName(chosen, number), draw, value);
        number += 1;
        return value;
      }),
    );
    const noise = Math.exp(inputs.spread * randomNormal(random));
    const wall = hours * (after.sampleS / before.sampleS) * noise;
    const gpus = step.gpus * (after.gpuSampleS / after.sampleS / (before.gpuSampleS / before.sampleS));
    const count = nodes(gpus, inputs.gpusPerNode);
    series.set(1000, 'spread of the measured step', draw, noise);
    const run = spot === null ? undefined : spotRun(spot, wall, random);
    const [hoursOfRun, paidHours] = [run?.hours ?? wall, run?.paidHours ?? wall];
    const usdOfNode = run?.usdOfNode ?? wall * onDemandUsd;
    time[draw] = hoursOfRun;
    paid[draw] = paidHours;
    price[draw] = usdOfNode / paidHours;
    cost[draw] = count * usdOfNode + (spot?.moveUsd ?? 0);
    missed += hoursOfRun > inputs.deadlineHours ? 1 : 0;
    saving[draw] = 1 - (cost[draw] ?? 0) / baseUsd;
    if (run !== undefined) {
      series.set(1001, 'price of spot', draw, run.priceUsd);
      series.set(1002, 'window of the trace', draw, run.spotShare);
    }
  }
  return {
    costUsd: rangeOf(cost),
    hours: rangeOf(time),
    paidHours: rangeOf(paid),
    paidUsd: rangeOf(price),
    saving: rangeOf(saving),
    missedShare: missed / draws,
    fan: { costUsd: fanOf(cost), hours: fanOf(time) },
    inputs: series.shares(cost),
  };
}

function nodes(gpus: number, perNode: number): number {
  return Math.ceil(gpus / perNode - 1e-9);
}

/** `mixed-precision: speed-up of kernels`, for the number of a prior. */
function chosenName(chosen: readonly Candidate[], number: number): string {
  let left = number;
  for (const { technique, priors } of chosen) {
    const prior = priors[left];
    if (prior !== undefined) return `${technique.name}: ${prior.name}`;
    left -= priors.length;
  }
  return 'unknown';
}

/** One window of one trace, for the work of this draw. */
export function spotRun(
  { setting, usd, onDemandUsd, ageDays }: Omit<NonNullable<DrawInputs['spot']>, 'moveUsd'>,
  wallHours: number,
  random: Random,
) {
  const trace = setting.traces[randomBelow(random, setting.traces.length)] ?? setting.traces[0];
  const priceUsd = Math.min(
    onDemandUsd,
    usd * Math.exp(WEEKLY_DRIFT * Math.sqrt(1 + ageDays / 7) * randomNormal(random)),
  );
  const workS = Math.max(1, Math.round(wallHours * 3600 * setting.checkpointFactor));
  const room = Math.max(1, trace.counts.length - Math.ceil(setting.deadlineS / trace.gapS));
  const job = {
    workS,
    deadlineS: setting.deadlineS,
    gapS: trace.gapS,
    changeoverS: setting.changeoverS,
    priceRatio: onDemandUsd / priceUsd,
  };
  const from = randomBelow(random, room);
  const { counts } = trace;
  const upUntil = setting.upUntil.get(trace);
  const result = runWindow({
    counts,
    from,
    to: counts.length,
    nodes: setting.traceNodes,
    job,
    policy: setting.policy,
    ...(upUntil === undefined ? {} : { upUntil }),
  });
  const ticks = result.spotTicks + result.onDemandTicks;
  // The rest of a run that the end of the trace cuts off is paid on demand, after one changeover: it would look cheap otherwise.
  const restS = result.finishTick < 0 ? workS - result.doneS + setting.changeoverS : 0;
  const endS = (result.finishTick < 0 ? counts.length - from : result.finishTick) * trace.gapS + restS;
  return {
    priceUsd,
    hours: endS / 3600,
    paidHours: (ticks * trace.gapS + restS) / 3600,
    usdOfNode:
      ((result.spotTicks * priceUsd + result.onDemandTicks * onDemandUsd) * trace.gapS + restS * onDemandUsd) / 3600,
    spotShare: ticks === 0 ? 0 : result.spotTicks / ticks,
  };
}

/** The values of each input over the draws, by its number. */
class Series {
  readonly #length: number;
  readonly #values = new Map<number, { readonly name: string; readonly values: Float64Array }>();

  constructor(length: number) {
    this.#length = length;
  }

  set(number: number, name: string, draw: number, value: number): void {
    let known = this.#values.get(number);
    if (known === undefined) {
      known = { name, values: new Float64Array(this.#length) };
      this.#values.set(number, known);
    }
    known.values[draw] = value;
  }

  /** The share of the variance of the cost that each input explains, the largest first. */
  shares(cost: Float64Array): readonly { readonly name: string; readonly share: number }[] {
    return [...this.#values.values()]
      .map(({ name, values }) => ({ name, share: explainedShare(values, cost) }))
      .sort((a, b) => b.share - a.share);
  }
}
