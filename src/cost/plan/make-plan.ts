import type { Offer } from '../catalog/offer.ts';
import type { JobProfile } from '../profile/read-profile.ts';
import type { OtherHardware } from '../profile/read-trials.ts';
import { checkpointCurve } from '../spot/interval/checkpoint-interval.ts';
import type { SpotTrace } from '../spot/trace/spot-trace.ts';
import { gates } from '../techniques/gates.ts';
import type { JobFacts } from '../techniques/technique.ts';
import { type ChosenOffers, chooseOffers } from './choose-offers.ts';
import { chooseRun, type Run } from './choose-run.ts';
import { costToTarget } from './cost-to-target.ts';
import { applied, type Evaluation, evaluateTechniques, type Trial, withoutLeftOut } from './evaluate-techniques.ts';
import { firstLever } from './first-lever.ts';
import { densePeak, flopsPerToken, type Mfu, mfuOf } from './flops.ts';
import { checkJob, checkMeasured } from './impossible-facts.ts';
import { type Job, nodesOf } from './job.ts';
import { memoryFactsOf } from './memory-facts.ts';
import { hardwareMove } from './other-hardware.ts';
import type { CostPlan, SpotPlan, WaterfallBar } from './plan.ts';
import { deadlineSecondsOf, type SpotChoice, spotSettings } from './plan-spot.ts';
import { stepTimes } from './step-model.ts';

/** Successive halving of 81 settings to 50 epochs runs 266 of 4,050 epochs; with fewer settings less is saved. */
const HALVING_81 = 15.2;
const SOURCE =
  'successive halving by thirds over 81 settings of 8 recorded tasks: 15.2 times cheaper; the best of all is missed by 0.002 to 0.023 of its loss on average';

/** The cost of a search in full and with early stopping; null where the job has none. */
function sweepPlan(job: Job, usdPerNodeHour: number): CostPlan['sweep'] {
  const { sweep } = job;
  if (sweep === undefined) return null;
  const fullUsd = sweep.trials * sweep.hoursPerTrial * nodesOf(job) * usdPerNodeHour;
  // Halving by thirds needs 3^r settings for r rungs: the saving grows with their logarithm.
  const most = Math.min(HALVING_81, Math.max(1, sweep.trials / (1 + Math.log(sweep.trials) / Math.log(3))));
  const [least, middle] = [Math.max(1, most / 3), Math.max(1, most / 1.5)];
  const p50 = fullUsd / middle;
  return { fullUsd, earlyStoppedUsd: { p10: fullUsd / most, p50, p90: fullUsd / least, mean: p50 }, source: SOURCE };
}

/** Everything that a plan is made of. */
export interface PlanInputs {
  readonly job: Job;
  readonly profile: JobProfile;
  readonly offers: readonly Offer[];
  readonly prices: CostPlan['prices'];
  readonly traces: readonly SpotTrace[];
  readonly traceCaveats: readonly string[];
  readonly trials: ReadonlyMap<string, Trial>;
  /** The job measured on another accelerator; null: it was not. */
  readonly otherHardware: OtherHardware | null;
  readonly draws: number;
  readonly seed: number;
}

/** Makes a plan: the step model on the changed profile, real prices, recorded traces. Pure. Errors: COST_JOB, COST_SIMULATION. */
export function makePlan(inputs: PlanInputs): CostPlan {
  const { job, profile, prices, draws, seed } = inputs;
  const nodes = nodesOf(job);
  checkJob(job);
  checkMeasured(job, profile);
  const offers = chooseOffers(job, inputs.offers);
  const facts = factsOf(job, profile);
  const judged = evaluateTechniques(facts, inputs.trials);
  const before = stepTimes(profile.step);
  const proposed = spotSettings(job, offers, inputs.traces);
  const { onSpot, onDemand } = chooseRun({
    step: profile.step,
    evaluation: judged,
    settings: proposed.settings,
    spotPrice: offers.spot === null ? null : { ...offers.spot, ageDays: prices.ageDays ?? 0 },
    mostMissed: job.mostMissed,
    draw: {
      hours: job.hours,
      deadlineHours: deadlineSecondsOf(job) / 3600,
      gpusPerNode: job.gpusPerNode,
      onDemandUsd: offers.today.usd,
      spread: profile.spread,
      draws,
      seed,
    },
  });
  const spot = spotState(proposed, job.mostMissed, onSpot, onDemand);
  const run = spot.state === 'used' && onSpot !== null ? onSpot : onDemand;
  const total = run.draws;
  const evaluation = withoutLeftOut(facts, judged, run.chosen);
  const after = stepTimes(applied(profile.step, run.chosen, ({ p50 }) => p50));
  const { gpusPerNode } = job;
  const move = hardwareMove(inputs.otherHardware, inputs.offers, { gpusPerNode, todayUsd: offers.today.usd });
  const around = gates(job, profile, { offers, move, spot, setting: onSpot?.setting ?? null });
  const baseline = {
    offer: offers.today.name,
    usdPerNodeHour: offers.today.usd,
    hours: job.hours,
    costUsd: job.hours * nodes * offers.today.usd,
  };
  return {
    version: 1,
    job: job.name,
    gpus: job.gpus,
    nodes,
    profile: {
      files: profile.files,
      step: profile.step,
      times: before,
      measuredStepS: profile.measuredStepS,
      loaderMeasured: profile.loaderMeasured,
      precision: profile.precision,
      notes: profile.notes,
    },
    mfu: utilisationOf(job, profile),
    prices,
    baseline,
    techniques: [...around.before, ...evaluation.planned, ...around.after],
    joint: {
      costGain: before.gpuSampleS / after.gpuSampleS,
      timeGain: before.sampleS / after.sampleS,
      techniques: evaluation.chosen.map(({ technique }) => technique.name),
    },
    spot: spotPart(spot, offers, onSpot, inputs),
    sweep: sweepPlan(job, offers.today.usd),
    targets: targetsOf(job),
    total: {
      costUsd: total.costUsd,
      hours: total.hours,
      paidHours: total.paidHours,
      paidUsdPerNodeHour: total.paidUsd,
      saving: total.saving,
      missedShare: total.missedShare,
      fan: total.fan,
      draws,
      seed,
      dominant: dominantOf(total.inputs),
      inputs: total.inputs,
    },
    waterfall: waterfallOf(baseline.costUsd, evaluation, spot.state === 'used' ? total.costUsd.p50 : null),
    first: firstLever({ job, facts, evaluation, spot, onSpot, onDemand, todayUsd: baseline.costUsd }),
    notes: notesOf(inputs, offers, before.stepS),
  };
}

/** Spot is left out where it is blocked, misses more than the limit, or does not cost less. */
function spotState(
  { state, reason }: SpotChoice,
  mostMissed: number,
  onSpot: Run | null,
  onDemand: Run,
): Pick<SpotChoice, 'state' | 'reason'> {
  if (onSpot === null || state === 'no data') return { state, reason };
  const { missedShare, costUsd } = onSpot.draws;
  if (missedShare > mostMissed && missedShare > onDemand.draws.missedShare)
    return {
      state: 'no saving',
      reason: `every policy ends after the deadline in more than ${(100 * mostMissed).toFixed(1)} % of the draws, the best in ${(100 * missedShare).toFixed(1)} %`,
    };
  if (costUsd.mean >= onDemand.draws.costUsd.mean)
    return { state: 'no saving', reason: 'its simulated mean cost is not below that of on demand' };
  return { state, reason };
}

function factsOf(job: Job, profile: JobProfile): JobFacts {
  const { peakMemoryBytes, gpuMemoryBytes } = profile;
  return {
    step: profile.step,
    accelerator: job.accelerator,
    precision: profile.precision,
    loaderMeasured: profile.loaderMeasured,
    kernelsKnown: profile.kernelsKnown,
    traced: profile.traced,
    findings: profile.findings,
    otherLoader: profile.otherLoader,
    memory: memoryFactsOf(job, profile),
    peakMemoryShare: peakMemoryBytes === null || gpuMemoryBytes === null ? null : peakMemoryBytes / gpuMemoryBytes,
    qualityGate: job.qualityGate ?? null,
    deadlineRatio: (job.deadlineHours ?? job.hours) / job.hours,
    gradients16Bit: job.gradients16Bit,
    compiled: job.compiled,
    fusedAttention: job.fusedAttention ?? null,
  };
}

function utilisationOf({ transformer, gpus, accelerator }: Job, { precision, measuredStepS }: JobProfile): Mfu | null {
  const peak = precision === null ? undefined : densePeak(accelerator, precision);
  if (transformer === undefined || peak === undefined) return null;
  // Utilisation counts the work of the model; recomputation is not part of it.
  return mfuOf(transformer.tokensPerStep / measuredStepS, flopsPerToken(transformer), gpus, peak);
}

function targetsOf({ targetRuns = [] }: Job): CostPlan['targets'] {
  const epochS = new Map(targetRuns.map(({ batch, epochS: seconds }) => [batch, seconds]));
  return costToTarget(targetRuns, epochS);
}

function spotPart(
  { state, reason }: Pick<SpotChoice, 'state' | 'reason'>,
  offers: ChosenOffers,
  onSpot: Run | null,
  { traces, traceCaveats }: PlanInputs,
): SpotPlan {
  const setting = onSpot?.setting ?? null;
  return {
    state,
    reason,
    offer: offers.spot?.name ?? null,
    discount: setting?.discount ?? null,
    moveUsd: offers.spot?.moveUsd ?? null,
    policy: setting?.policy.name ?? null,
    deadlineHours: setting === null ? null : setting.deadlineS / 3600,
    checkpointS: setting?.checkpointS ?? null,
    wallOverWork: setting?.wallOverWork ?? null,
    checkpoint: setting === null ? null : { costs: setting.checkpoint, curve: checkpointCurve(setting.checkpoint) },
    costUsd: onSpot?.draws.costUsd ?? null,
    missedShare: onSpot?.draws.missedShare ?? null,
    fan: onSpot?.draws.fan ?? null,
    traces: traces.map(({ name }) => name),
    caveats: traceCaveats,
  };
}

/** From the bill of today, one technique after the other at its median, to the median of the total. */
function waterfallOf(todayUsd: number, { planned }: Evaluation, spotUsd: number | null): readonly WaterfallBar[] {
  const bars: WaterfallBar[] = [{ name: 'today', costUsd: todayUsd, savedUsd: 0 }];
  let costUsd = todayUsd;
  const add = (name: string, next: number) => {
    bars.push({ name, costUsd: next, savedUsd: costUsd - next });
    costUsd = next;
  };
  for (const { name, marginal } of planned) if (marginal !== null) add(name, costUsd / marginal);
  if (spotUsd !== null) add('spot', spotUsd);
  return bars;
}

/** Below this share no input explains the spread. */
const LEAST_SHARE = 0.05;

function dominantOf(inputs: readonly { readonly name: string; readonly share: number }[]): string {
  const [first] = inputs;
  return first === undefined || first.share < LEAST_SHARE ? 'no single input' : first.name;
}

function notesOf({ profile, job }: PlanInputs, offers: ChosenOffers, modelS: number): readonly string[] {
  const error = modelS / profile.measuredStepS - 1;
  return [
    ...offers.notes,
    ...(Math.abs(error) > 0.1
      ? [
          `the model gives a step of ${modelS.toFixed(4)} s, and ${profile.measuredStepS.toFixed(4)} s were measured: ranges are too narrow`,
        ]
      : []),
    ...(job.deadlineHours === undefined ? ['the job has no deadline: spot is planned with 1.5 times its hours'] : []),
  ];
}
