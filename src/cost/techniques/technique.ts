import type { Fact } from '../evidence/evidence.ts';
import type { MemoryFacts } from '../plan/memory-model.ts';
import type { StepFacts } from '../plan/step-model.ts';
import type { LeverFinding } from '../profile/finding-levers.ts';

/** A number that is not known before a change is tried: three quantiles with their source. */
export interface Prior {
  readonly name: string;
  readonly p10: number;
  readonly p50: number;
  readonly p90: number;
  readonly source: string;
  /** How the source was obtained. */
  readonly kind: 'measured' | 'published' | 'upper bound' | 'assumption' | 'trial';
  /** Share of the rows of a left-out model between p10 and p90, over all models; claimed are 80 %. Only of measured rows. */
  readonly heldOut?: number;
}

/** The facts that preconditions are judged by. */
export interface JobFacts {
  readonly step: StepFacts;
  readonly accelerator: string;
  /** The precision of products now; null where the profile does not say. */
  readonly precision: 'fp32' | 'tf32' | 'fp16' | 'bf16' | 'fp8' | null;
  /** The loader was measured by itself; otherwise its time is a guess. */
  readonly loaderMeasured: boolean;
  /** Kernels are divided into classes; otherwise all are in one. */
  readonly kernelsKnown: boolean;
  /** A trace is part of the profile: waits of a step are divided. */
  readonly traced: boolean;
  /** The findings of its diagnosis, each with the technique that answers it. */
  readonly findings: readonly LeverFinding[];
  /** The step with the other form of its loader, where the profile does not say which; null where it does. */
  readonly otherLoader: StepFacts | null;
  readonly peakMemoryShare: number | null;
  /** Memory by its parts; null where parameters or the peak are not known. */
  readonly memory: MemoryFacts | null;
  /** The user's check of quality that allows changes to training; null without one. */
  readonly qualityGate: string | null;
  /** Time until the deadline by the time that the job takes now. */
  readonly deadlineRatio: number;
  readonly gradients16Bit: boolean;
  readonly compiled: boolean;
  readonly fusedAttention: boolean | null;
}

/** Whether a technique applies, and the number that says so. */
export interface Precondition {
  readonly state: 'verified' | 'assumed' | 'failed';
  readonly by: string;
}

/** One way to lower the cost of a training job. One file each. */
export interface Technique {
  readonly name: string;
  readonly title: string;
  /** An enabler is never a saving alone. */
  readonly class: 'gain' | 'enabler';
  /** It changes the course of training: only with a quality gate of the user. */
  readonly changesTraining: boolean;
  /** Facts of the job, besides its code, that the change alters: a trial must differ in them, and in no other. */
  readonly alters?: readonly Fact[];
  readonly precondition: (facts: JobFacts) => Precondition;
  readonly priors: (facts: JobFacts) => readonly Prior[];
  /** The facts of a step after the change; `values` are of the priors, in their order. Order-free with other techniques. */
  readonly apply: (step: StepFacts, values: readonly number[]) => StepFacts;
  readonly interactions: string;
  readonly risk: string;
  /** The cheapest measurement that confirms or refutes it. */
  readonly measurement: string;
  /** The change of code or configuration. */
  readonly change: string;
  /** The change on this job's card, where it is another one. */
  readonly changeOn?: (facts: JobFacts) => string;
  /** Of techniques with the same one only the best is planned: they are ways to one end. */
  readonly oneOf?: 'larger micro-batch';
}

/** A share as a whole percentage, for the texts of preconditions. */
export function share(value: number): string {
  return `${(100 * value).toFixed(0)} %`;
}
