import { applied, type Candidate, type Evaluation } from './evaluate-techniques.ts';
import { type DrawInputs, type Draws, drawCosts } from './monte-carlo.ts';
import type { SpotSetting } from './plan-spot.ts';
import { type StepFacts, stepTimes } from './step-model.ts';

/** A way to run the job: its step, and where it runs. */
export interface Run {
  readonly chosen: readonly Candidate[];
  /** null: on demand. */
  readonly setting: SpotSetting | null;
  readonly draws: Draws;
}

/** All that a run is chosen from. */
export interface RunInputs {
  readonly step: StepFacts;
  readonly evaluation: Evaluation;
  readonly settings: readonly SpotSetting[];
  readonly spotPrice: Omit<NonNullable<DrawInputs['spot']>, 'setting'> | null;
  /** The largest share of runs that may end after the deadline. */
  readonly mostMissed: number;
  readonly draw: Omit<DrawInputs, 'chosen' | 'spot' | 'step'>;
}

/** Ways are compared by this many draws; the best are drawn in full. */
const COMPARED = 500;
/** Of the compared ways at most this many are drawn in full until one keeps the limit. */
const MOST_FULL = 4;

/**
 * Chooses step and place together: of every step (with all techniques, and without each that makes the job longer) on each setting, the
 * one with the least mean cost whose share of late runs is within the limit. `onDemand`: the same without spot. Where no way keeps the
 * limit, the one that misses least.
 */
export function chooseRun(inputs: RunInputs): { readonly onSpot: Run | null; readonly onDemand: Run } {
  const variants = stepVariants(inputs);
  const onDemand = variants.map((chosen) => ({ chosen, setting: null }));
  const onSpot = variants.flatMap((chosen) => inputs.settings.map((setting) => ({ chosen, setting })));
  const best = bestOf(inputs, onDemand);
  if (best === null) throw new RangeError('a job has a step');
  return { onDemand: best, onSpot: inputs.spotPrice === null ? null : bestOf(inputs, onSpot) };
}

/** All techniques together; without each one that lengthens the job, and without all of these. */
function stepVariants({ step, evaluation: { chosen } }: RunInputs): readonly (readonly Candidate[])[] {
  const sampleS = (some: readonly Candidate[]) => stepTimes(applied(step, some, ({ p50 }) => p50)).sampleS;
  const all = sampleS(chosen);
  const slow = chosen.filter((one) => sampleS(chosen.filter((other) => other !== one)) < all);
  const without = slow.map((one) => chosen.filter((other) => other !== one));
  return [chosen, ...without, ...(slow.length > 1 ? [chosen.filter((one) => !slow.includes(one))] : [])];
}

function bestOf(inputs: RunInputs, ways: readonly Omit<Run, 'draws'>[]): Run | null {
  const { draws } = inputs.draw;
  const few = Math.min(COMPARED, draws);
  const compared = ways
    .map((way) => ({ ...way, draws: drawn(inputs, way, few) }))
    .sort((a, b) => byLimit(a, b, inputs.mostMissed));
  if (few === draws) return compared[0] ?? null;
  const full: Run[] = [];
  for (const way of compared.slice(0, MOST_FULL)) {
    full.push({ ...way, draws: drawn(inputs, way, draws) });
    if ((full.at(-1)?.draws.missedShare ?? 0) <= inputs.mostMissed) break;
  }
  return full.sort((a, b) => byLimit(a, b, inputs.mostMissed))[0] ?? null;
}

/** Ways within the limit first, by cost; then the others, by their late runs. */
function byLimit(a: Run, b: Run, mostMissed: number): number {
  const late = (one: Run) => Math.max(0, one.draws.missedShare - mostMissed);
  return late(a) - late(b) || a.draws.costUsd.mean - b.draws.costUsd.mean;
}

function drawn(inputs: RunInputs, { chosen, setting }: Omit<Run, 'draws'>, draws: number): Draws {
  const { step, spotPrice, draw } = inputs;
  const spot = setting === null || spotPrice === null ? null : { setting, ...spotPrice };
  return drawCosts({ ...draw, step, chosen, spot, draws });
}
