/** The root causes, one rule each in `rules/`. */
export const causes = [
  'data-pipeline',
  'kernel-efficiency',
  'launch-overhead',
  'multi-gpu',
  'hidden-sync',
  'scheduling',
] as const;
export type Cause = (typeof causes)[number];

/** The ways of a cause that have different remedies. A plan of remedies reads this, and never a title. */
export const mechanisms = ['loader-in-turn', 'late-rank', 'copies', 'checkpoint', 'precision'] as const;
export type Mechanism = (typeof mechanisms)[number];

/** One number that anybody can check again: in which file, between which times or at which events. */
export interface Evidence {
  readonly file: string;
  readonly what: string;
  readonly value: number | string;
  readonly unit: string;
  /** Times in the file, in its own microseconds. */
  readonly rangeUs?: readonly [number, number];
  /** Correlation ids, row numbers or names of counted items; at most a few. */
  readonly events?: readonly (number | string)[];
}

export type Confidence = 'high' | 'medium' | 'low';

/** A finding with its confidence, cost and fix; public, and read by the planner of training costs. */
export interface Finding {
  /** Unique within a diagnosis: `data-pipeline/1`. */
  readonly id: string;
  readonly cause: Cause;
  /** Null: the cause has one way, or its usual one. */
  readonly mechanism: Mechanism | null;
  readonly title: string;
  /** `info` from 5 % of a step, `warning` from 15 %. */
  readonly severity: 'info' | 'warning';
  readonly scope: {
    readonly file: string;
    readonly rank: number | null;
    readonly device: number | string | null;
    /** Which window the shares are of: `stretched steps`, `GPU span`, `samples`, `jobs`. */
    readonly window: string;
  };
  readonly evidence: readonly Evidence[];
  /** The step that shares, ceiling and remainder are of; null where there is no step. */
  readonly step: FindingStep | null;
  /** Share of the step, 0 to 1; null where there is no step. */
  readonly shareOfStep: number | null;
  /** The most time per step that the fix can save, in microseconds. */
  readonly recoverableUs: number | null;
  /** Time per step after this finding and those before it about the same step are fixed, in microseconds. */
  readonly remainingStepUs: number | null;
  /** GPU-hours concerned; for findings about scheduling. */
  readonly gpuHours: number | null;
  /**
   * The most that the fix can save of the time of its scope, 0 to 1: of the step, of the iterations of a job, or of GPU-hours that
   * are held. Null where nothing measures it.
   */
  readonly timeShare: number | null;
  /** Upper bound of the speed-up of this fix alone, `T / (T − R)`; null where no time is measured, and of GPU-hours. */
  readonly ceiling: number | null;
  /** A range from comparable measurements, or that there is none. */
  readonly expected: string;
  readonly confidence: Confidence;
  /** An observation that would disprove this cause. */
  readonly disproof: string;
  readonly fix: readonly string[];
  /** The command that brings the next piece of evidence. */
  readonly nextCommand: string;
}

/** A typical step of one GPU of one rank. */
export interface FindingStep {
  readonly file: string;
  readonly rank: number | null;
  readonly device: number;
  /** Its length in microseconds. */
  readonly us: number;
}

/** A finding before it is ranked and numbered. */
export type FindingDraft = Omit<
  Finding,
  'id' | 'mechanism' | 'severity' | 'step' | 'remainingStepUs' | 'timeShare' | 'ceiling'
> & {
  readonly mechanism?: Mechanism;
  /** The share of the step that all waiting of its kind takes, of which it is a part: it is ranked by the whole. */
  readonly waitingShare?: number;
  /** GPU-hours of which `gpuHours` are a part; NaN or undefined if unknown. */
  readonly ofGpuHours?: number;
};

export const SILENT_BELOW = 0.05;
const WARNING_FROM = 0.15;

/** Severity by share of the step: silent below 5 %, a warning from 15 %. */
export function severityOf(share: number): Finding['severity'] | 'silent' {
  return share < SILENT_BELOW ? 'silent' : share < WARNING_FROM ? 'info' : 'warning';
}

export const noMeasurement = 'ceiling only, no comparable measurement';
