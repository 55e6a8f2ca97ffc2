import type { Offer } from '../catalog/offer.ts';
import type { JobProfile } from '../profile/read-profile.ts';
import type { OtherHardware } from '../profile/read-trials.ts';
import type { SpotTrace } from '../spot/trace/spot-trace.ts';
import { gates } from '../techniques/gates.ts';
import type { JobFacts } from '../techniques/technique.ts';
import { type ChosenOffers, chooseOffers } from './choose-offers.ts';
import { costToTarget } from './cost-to-target.ts';
import { applied, type Evaluation, evaluateTechniques, type Trial } from './evaluate-techniques.ts';
import { densePeak, flopsPerToken, type Mfu, mfuOf } from './flops.ts';
import { type Job, nodesOf } from './job.ts';
import { memoryFactsOf } from './memory-facts.ts';
import { type DrawInputs, type Draws, drawCosts } from './monte-carlo.ts';
import { hardwareMove } from './other-hardware.ts';
import type { CostPlan, SpotPlan, WaterfallBar } from './plan.ts';
import { chooseSpot, type SpotChoice } from './plan-spot.ts';
import { stepTimes } from './step-model.ts';
import { sweepPlan } from './sweep-plan.ts';

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
  const offers = chooseOffers(job, inputs.offers);
  const facts = factsOf(job, profile);
  const evaluation = evaluateTechniques(facts, inputs.trials);
  const before = stepTimes(profile.step);
  const after = stepTimes(applied(profile.step, evaluation.chosen, ({ p50 }) => p50));
  const workS = job.hours * 3600 * (after.sampleS / before.sampleS);
  const proposed = chooseSpot(job, workS, offers, inputs.traces);
  const { setting } = proposed;
  const draw: DrawInputs = {
    step: profile.step,
    chosen: evaluation.chosen,
    hours: job.hours,
    gpusPerNode: job.gpusPerNode,
    onDemandUsd: offers.today.usd,
    spread: profile.spread,
    spot:
      setting === null || offers.spot === null ? null : { setting, usd: offers.spot.usd, ageDays: prices.ageDays ?? 0 },
    draws,
    seed,
  };
  const onSpot = draw.spot === null ? null : drawCosts(draw);
  const onDemand = drawCosts({ ...draw, spot: null });
  const choice = paying(proposed, onSpot, onDemand);
  const total = choice.state === 'used' && onSpot !== null ? onSpot : onDemand;
  const { gpusPerNode } = job;
  const move = hardwareMove(inputs.otherHardware, inputs.offers, { gpusPerNode, todayUsd: offers.today.usd });
  const around = gates(job, profile, { offers, move, spot: choice });
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
    spot: spotPart(choice, offers, onSpot, inputs),
    sweep: sweepPlan(job, offers.today.usd),
    targets: targetsOf(job),
    total: {
      costUsd: total.costUsd,
      hours: total.hours,
      saving: total.saving,
      missedShare: total.missedShare,
      draws,
      seed,
      dominant: dominantOf(total.inputs),
      inputs: total.inputs,
    },
    waterfall: waterfallOf(baseline.costUsd, evaluation, choice.state === 'used' ? total.costUsd.p50 : null),
    first: firstOf(evaluation, choice),
    notes: notesOf(inputs, offers, before.stepS),
  };
}

/** Spot is left out where its simulated mean is not below that of on demand. */
function paying(choice: SpotChoice, onSpot: Draws | null, onDemand: Draws): SpotChoice {
  if (choice.state !== 'used' || onSpot === null || onSpot.costUsd.mean < onDemand.costUsd.mean) return choice;
  return { ...choice, state: 'no saving', reason: 'its simulated mean cost is not below that of on demand' };
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
  { state, reason, setting }: SpotChoice,
  offers: ChosenOffers,
  draws: Draws | null,
  { traces, traceCaveats }: PlanInputs,
): SpotPlan {
  return {
    state,
    reason,
    offer: offers.spot?.name ?? null,
    discount: setting?.discount ?? null,
    policy: setting?.policy.name ?? null,
    checkpointS: setting?.checkpointS ?? null,
    wallOverWork: setting?.wallOverWork ?? null,
    costUsd: draws?.costUsd ?? null,
    missedShare: draws?.missedShare ?? null,
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

function firstOf({ planned }: Evaluation, { state, reason }: SpotChoice): string {
  const best = planned
    .filter(({ leftOut }) => leftOut === null)
    .toSorted((a, b) => (b.marginal ?? 1) - (a.marginal ?? 1))[0];
  if (best !== undefined) return `${best.title}: ${best.measurement}`;
  return state === 'used' ? 'spot, by the policy of this plan' : `nothing in the step; spot: ${reason}`;
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
