import type { CheckpointCosts, CurvePoint } from '../spot/interval/checkpoint-interval.ts';
import type { Precondition, Prior } from '../techniques/technique.ts';
import type { TargetCost } from './cost-to-target.ts';
import type { Range } from './draw.ts';
import type { Mfu } from './flops.ts';
import type { Fan } from './monte-carlo.ts';
import type { StepFacts, StepTimes } from './step-model.ts';

/** One technique in a plan. Gains are cost before by cost after: 1.25 saves a fifth. */
export interface PlannedTechnique {
  readonly name: string;
  readonly title: string;
  readonly class: 'gate' | 'gain' | 'enabler';
  readonly precondition: Precondition;
  /** Why it is not in the joint plan; null where it is. */
  readonly leftOut: string | null;
  readonly priors: readonly Prior[];
  /** Alone on the job of today, at the quantiles of its priors; null for what changes no step. */
  readonly alone: { readonly p10: number; readonly p50: number; readonly p90: number } | null;
  /** Findings of the diagnosis that it answers, and the most that they can gain; null without one. */
  readonly findings: readonly string[];
  readonly ceiling: number | null;
  /** Given everything above it in the list that is in the plan. */
  readonly marginal: number | null;
  readonly confidence: 'high' | 'medium' | 'low';
  readonly interactions: string;
  readonly risk: string;
  readonly measurement: string;
  readonly change: string;
}

/** One bar of the waterfall from the bill of today. USD. */
export interface WaterfallBar {
  readonly name: string;
  readonly costUsd: number;
  readonly savedUsd: number;
}

/** Spot in a plan. */
export interface SpotPlan {
  /** `used`, or why it is not. */
  readonly state: 'used' | 'blocked' | 'no saving' | 'no data';
  readonly reason: string;
  readonly offer: string | null;
  readonly discount: number | null;
  /** Price to bring the data to the offer, USD, once. */
  readonly moveUsd: number | null;
  readonly policy: string | null;
  /** The deadline that the policy runs by: at most that of the job. */
  readonly deadlineHours: number | null;
  readonly checkpointS: number | null;
  readonly wallOverWork: number | null;
  /** The facts that the interval is chosen by, and the cost of others around it. */
  readonly checkpoint: { readonly costs: CheckpointCosts; readonly curve: readonly CurvePoint[] } | null;
  /** Cost of the job with it, USD; also where it is blocked. */
  readonly costUsd: Range | null;
  readonly missedShare: number | null;
  readonly fan: Fan | null;
  readonly traces: readonly string[];
  readonly caveats: readonly string[];
}

/** The answer of `headrace cost plan`. Additions only within a version. */
export interface CostPlan {
  readonly version: 1;
  readonly job: string;
  readonly gpus: number;
  readonly nodes: number;
  readonly profile: {
    readonly files: readonly string[];
    readonly step: StepFacts;
    readonly times: StepTimes;
    readonly measuredStepS: number;
    readonly loaderMeasured: boolean;
    readonly precision: string | null;
    readonly notes: readonly string[];
  };
  readonly mfu: Mfu | null;
  readonly prices: { readonly digest: string | null; readonly ageDays: number | null; readonly source: string };
  readonly baseline: {
    readonly offer: string;
    readonly usdPerNodeHour: number;
    readonly hours: number;
    readonly costUsd: number;
  };
  readonly techniques: readonly PlannedTechnique[];
  /** All techniques of the plan at once, at the medians of their priors: cost and time of today by those then. */
  readonly joint: { readonly costGain: number; readonly timeGain: number; readonly techniques: readonly string[] };
  readonly spot: SpotPlan;
  readonly sweep: { readonly fullUsd: number; readonly earlyStoppedUsd: Range; readonly source: string } | null;
  readonly targets: readonly TargetCost[];
  readonly total: {
    readonly costUsd: Range;
    readonly hours: Range;
    /** Time that nodes are paid for, and the price of a node and an hour of it. */
    readonly paidHours: Range;
    readonly paidUsdPerNodeHour: Range;
    readonly saving: Range;
    readonly missedShare: number;
    readonly fan: Fan;
    readonly draws: number;
    readonly seed: number;
    /** The input that explains most of the spread, and the share of each. */
    readonly dominant: string;
    readonly inputs: readonly { readonly name: string; readonly share: number }[];
  };
  readonly waterfall: readonly WaterfallBar[];
  /** The change to try first, and how to measure it. */
  readonly first: string;
  readonly notes: readonly string[];
}
