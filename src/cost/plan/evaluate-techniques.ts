import type { JobFacts, Precondition, Prior, Technique } from '../techniques/technique.ts';
import { techniques } from '../techniques/techniques.ts';
import type { PlannedTechnique } from './plan.ts';
import { type StepFacts, stepTimes } from './step-model.ts';

/** A technique with its priors for this job. */
export interface Candidate {
  readonly technique: Technique;
  readonly priors: readonly Prior[];
}

/** A changed job, measured in place of a prior: its step and loader by those of today. */
export interface Trial {
  readonly stepRatio: number;
  readonly loaderRatio: number;
  readonly spread: number;
}

/** The techniques of a plan and their effects. */
export interface Evaluation {
  readonly planned: readonly PlannedTechnique[];
  readonly chosen: readonly Candidate[];
}

/**
 * Judges each technique and finds those that pay together: of the ones that apply, one that does not lower the joint cost is left
 * out. Marginal gains follow the order of the list; the joint result does not depend on it.
 */
export function evaluateTechniques(facts: JobFacts, trials: ReadonlyMap<string, Trial>): Evaluation {
  const judged = inOrder(facts).map((technique) => {
    const trial = trials.get(technique.name);
    const candidate =
      trial === undefined ? { technique, priors: technique.priors(facts) } : triedCandidate(technique, trial);
    const precondition =
      trial === undefined
        ? gatedPrecondition(technique, facts)
        : ({ state: 'verified', by: 'measured by a trial' } as const);
    return { candidate, precondition, blocked: blockedBy(technique, precondition.state, facts) };
  });
  const open = judged.filter(({ blocked }) => blocked === null).map(({ candidate }) => candidate);
  const single = oneOfEach(facts.step, open);
  const chosen = paying(facts.step, single);
  let before = facts.step;
  const planned = judged.map(({ candidate, precondition, blocked }): PlannedTechnique => {
    const { technique, priors } = candidate;
    const isChosen = chosen.includes(candidate);
    const after = isChosen ? applied(before, [candidate], (prior) => prior.p50) : before;
    const marginal = isChosen ? gain(before, after) : null;
    before = after;
    const { name, title, interactions, risk, measurement } = technique;
    return {
      name,
      title,
      class: technique.class,
      precondition,
      leftOut: isChosen ? null : (blocked ?? whyNot(candidate, single)),
      priors,
      alone: aloneGains(facts, candidate),
      marginal,
      confidence: confidenceOf(precondition.state, priors, facts),
      ...answeredBy(name, facts),
      interactions,
      risk,
      measurement,
      change: technique.changeOn?.(facts) ?? technique.change,
    };
  });
  return { planned, chosen };
}

/** An evaluation whose plan has fewer techniques than pay by the step alone: the rest would end after the deadline. */
export function withoutLeftOut(facts: JobFacts, evaluation: Evaluation, chosen: readonly Candidate[]): Evaluation {
  if (chosen.length === evaluation.chosen.length) return evaluation;
  let before = facts.step;
  const planned = evaluation.planned.map((one): PlannedTechnique => {
    const candidate = evaluation.chosen.find(({ technique }) => technique.name === one.name);
    if (candidate === undefined) return one;
    if (!chosen.includes(candidate))
      return {
        ...one,
        marginal: null,
        leftOut: 'with it the job costs more, or ends late: its time is worth more to spot',
      };
    const after = applied(before, [candidate], (prior) => prior.p50);
    const marginal = gain(before, after);
    before = after;
    return { ...one, marginal };
  });
  return { planned, chosen };
}

/** A check of quality that is named was not seen to pass: what depends on it is assumed. */
function gatedPrecondition(technique: Technique, facts: JobFacts): Precondition {
  const precondition = technique.precondition(facts);
  if (!technique.changesTraining || facts.qualityGate === null || precondition.state !== 'verified')
    return precondition;
  return { state: 'assumed', by: `${precondition.by}; only if ${facts.qualityGate} passes after the change` };
}

/** Data comes first while the loader is the bound: nothing else gains before. */
function inOrder({ step }: JobFacts): readonly Technique[] {
  if (stepTimes(step).bound !== 'loader') return techniques;
  const data = techniques.filter(({ name }) => name === 'data-pipeline');
  return [...data, ...techniques.filter(({ name }) => name !== 'data-pipeline')];
}

function blockedBy(technique: Technique, state: string, { qualityGate }: JobFacts): string | null {
  if (state === 'failed') return 'its precondition fails';
  if (technique.changesTraining && qualityGate === null) return 'it changes training, and the job names no qualityGate';
  return null;
}

/** Of techniques that are ways to one end, the one with which the joint plan costs least. */
function oneOfEach(step: StepFacts, candidates: readonly Candidate[]): readonly Candidate[] {
  const ends = new Set(candidates.flatMap(({ technique: { oneOf } }) => (oneOf === undefined ? [] : [oneOf])));
  let left = candidates;
  for (const end of ends) {
    const ways = left.filter(({ technique }) => technique.oneOf === end);
    const rest = left.filter(({ technique }) => technique.oneOf !== end);
    const best = ways.toSorted((a, b) => costOf(step, [...rest, a]) - costOf(step, [...rest, b]))[0];
    left = left.filter((one) => one === best || !ways.includes(one));
  }
  return left;
}

function whyNot(candidate: Candidate, single: readonly Candidate[]): string {
  if (single.includes(candidate)) return 'it does not lower the cost of the joint plan';
  return `another way to a ${candidate.technique.oneOf} costs less`;
}

/** Leaves out, one after the other, whatever makes the joint result no better. */
function paying(step: StepFacts, candidates: readonly Candidate[]): readonly Candidate[] {
  let chosen = candidates;
  for (;;) {
    const cost = costOf(step, chosen);
    const needless = chosen.find(
      (one) =>
        costOf(
          step,
          chosen.filter((other) => other !== one),
        ) <=
        cost * (1 + 1e-9),
    );
    if (needless === undefined) return chosen;
    chosen = chosen.filter((other) => other !== needless);
  }
}

function costOf(step: StepFacts, chosen: readonly Candidate[]): number {
  return stepTimes(applied(step, chosen, (prior) => prior.p50)).gpuSampleS;
}

/** The step after techniques, with a value for each prior. */
export function applied(step: StepFacts, chosen: readonly Candidate[], value: (prior: Prior) => number): StepFacts {
  return chosen.reduce((facts, { technique, priors }) => technique.apply(facts, priors.map(value)), step);
}

function gain(before: StepFacts, after: StepFacts): number {
  return stepTimes(before).gpuSampleS / stepTimes(after).gpuSampleS;
}

/** Gains at the quantiles of the priors; where the form of the loader is open, over both forms. */
function aloneGains({ step, otherLoader }: JobFacts, candidate: Candidate): NonNullable<PlannedTechnique['alone']> {
  const at = (facts: StepFacts, value: (prior: Prior) => number) => gain(facts, applied(facts, [candidate], value));
  const over = (facts: StepFacts) =>
    [at(facts, (prior) => prior.p10), at(facts, (prior) => prior.p50), at(facts, (prior) => prior.p90)].sort(
      (a, b) => a - b,
    );
  const [p10 = 1, p50 = 1, p90 = 1] = over(step);
  if (otherLoader === null) return { p10, p50, p90 };
  const [low = 1, , high = 1] = over(otherLoader);
  return { p10: Math.min(p10, low), p50, p90: Math.max(p90, high) };
}

/** The findings that a technique answers, and the largest of their ceilings. */
function answeredBy(name: string, { findings }: JobFacts): Pick<PlannedTechnique, 'findings' | 'ceiling'> {
  const own = findings.filter(({ lever }) => lever === name);
  const ceilings = own.flatMap(({ ceiling }) => (ceiling === null ? [] : [ceiling]));
  return { findings: own.map(({ id }) => id), ceiling: ceilings.length === 0 ? null : Math.max(...ceilings) };
}

function confidenceOf(
  state: string,
  priors: readonly Prior[],
  { otherLoader }: JobFacts,
): PlannedTechnique['confidence'] {
  if (priors.some(({ kind }) => kind === 'trial')) return 'high';
  // Whether the GPU's time counts depends on a loader that nobody measured.
  if (otherLoader !== null) return 'low';
  const weak = priors.some(({ kind }) => kind === 'assumption' || kind === 'upper bound');
  if (state === 'verified') return weak ? 'medium' : 'high';
  return 'low';
}

/** A trial scales the GPU's part of a step and the loader by its measurement. */
function triedCandidate(technique: Technique, { stepRatio, loaderRatio, spread }: Trial): Candidate {
  const prior = (name: string, value: number): Prior => ({
    name,
    p10: value * (1 - spread),
    p50: value,
    p90: value * (1 + spread),
    source: 'a trial of the changed job',
    kind: 'trial',
  });
  return {
    technique: {
      ...technique,
      apply: (step, [gpu = 1, loader = 1]) => ({
        ...step,
        tensorS: step.tensorS * gpu,
        memoryS: step.memoryS * gpu,
        otherS: step.otherS * gpu,
        gapsS: step.gapsS * gpu,
        syncS: step.syncS * gpu,
        copyS: step.copyS * gpu,
        saveS: step.saveS * gpu,
        lateS: step.lateS * gpu,
        allReduceS: step.allReduceS * gpu,
        optimizerS: step.optimizerS * gpu,
        loaderS: step.loaderS * loader,
      }),
    },
    priors: [prior('step of the changed job', stepRatio), prior('loader of the changed job', loaderRatio)],
  };
}
