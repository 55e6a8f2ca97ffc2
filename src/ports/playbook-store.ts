import type { MaybePromise } from '../base/maybe-promise.ts';
import type { PredictionFact } from '../features/define/monitor.ts';
import type { ApprovalStep, PlaybookPlan } from '../features/define/playbook.ts';
import type { ExplainedMove } from '../features/define/rollout.ts';
import type { Incident } from './incident.ts';

/** A span of time, epoch ms: `from` belongs to it, `to` does not. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** A window of a monitor, as a step saw it. */
export interface SeenWindow extends Span {
  readonly rows: number;
  readonly state: string;
  readonly reason: string;
  /** A fault of a source as a whole names it, and its features as columns. */
  readonly faults: readonly {
    readonly kind: string;
    readonly columns: readonly string[];
    readonly text: string;
    readonly source?: string;
    /** How sound values became faulty; left out where nobody knows. */
    readonly change?: ValueChange;
  }[];
  readonly drifted: readonly string[];
  /** When the change that was found began, epoch ms; null: no change was found, or nobody knows. */
  readonly changedAt: number | null;
  /** The slice whose loss rose alone, as `feature=value`. */
  readonly slice?: string;
}

/** A monitor, as a step saw it. */
export interface SeenMonitor {
  readonly kind: 'featureDrift' | 'predictionDrift' | 'conceptDrift' | 'estimatedQuality';
  /** The version that it watched. */
  readonly version: number;
  readonly state: string;
  readonly reason: string;
  readonly metric: string;
  /** The fact of the scores that it compares; left out: their distribution. */
  readonly on?: PredictionFact;
  readonly windows: readonly SeenWindow[];
}

/** The difference of the losses of candidate and champion on requests that both scored, with its always-valid interval. */
export interface SeenPairs {
  readonly requests: number;
  readonly labels: number;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** A rollout, as a step saw it. */
export interface SeenRollout {
  readonly id: string;
  readonly state: string;
  readonly champion: number;
  readonly candidate: number;
  readonly since: number;
  /** When a held one was held, epoch ms; left out by versions that did not know it. */
  readonly heldSince?: number | null;
  readonly isLastStep: boolean;
  readonly reason: string;
  /** The loss of a promoted version is certainly above the expected one; null: it is not. */
  readonly breach: string | null;
  /** Losses of both versions on the same requests; null: they are not compared now. */
  readonly paired: SeenPairs | null;
}

/** The inputs of decisions. */
export interface Observed {
  readonly kind: 'observed';
  readonly champion: number | null;
  readonly monitors: readonly SeenMonitor[];
  /** The newest one; null: there was none. */
  readonly rollout: SeenRollout | null;
  /** SHA-256 of everything above, as canonical JSON. */
  readonly digest: string;
}

/** The limits by which decisions are made from now on. */
export interface Configured {
  readonly kind: 'configured';
  readonly plan: PlaybookPlan;
  /** Ms from a prediction until its label counts for the last time. */
  readonly labelWithinMs: number;
  /** Hash of the declaration, and version of Headrace. */
  readonly declaration: string;
  readonly code: string;
}

/**
 * The rows of a feature that a fault is in: those whose value is missing, infinite, below 0 or a certain number, all rows, or
 * none that the value itself shows.
 */
export type FaultyRows = 'all' | 'missing' | 'infinite' | 'negative' | 'none' | { readonly equals: number };

/** How sound values of a feature become faulty ones: times and plus a number, or to one value, in a share of the rows. */
export interface ValueChange {
  readonly share: number;
  readonly times?: number;
  readonly plus?: number;
  /** Null: the value is missing. */
  readonly to?: number | null;
}

/** One thing that is done. */
export type PlaybookAction =
  | { readonly do: 'openIncident'; readonly incident: Incident }
  | { readonly do: 'resolveIncident'; readonly fingerprint: string; readonly at: number }
  /** Rows since `from` are not learned from. The model gets these features as they are, until a remedy is tried. */
  | {
      readonly do: 'stopFeatures';
      readonly features: readonly string[];
      readonly from: number;
      /** Absent: all, as in journals before there was a choice. */
      readonly rows?: FaultyRows;
      readonly change?: ValueChange | null;
      /** The remedy is tried before it acts. Absent: it acts at once, as in journals of before. */
      readonly isTried?: true;
    }
  /** Measures the loss of a version with the declared values in the faulty rows of these features, and without. */
  | {
      readonly do: 'tryRemedy';
      readonly version: number;
      readonly features: readonly string[];
      readonly rows: FaultyRows;
      readonly change: ValueChange | null;
      readonly values: Readonly<Record<string, number | boolean | null>>;
      /** The span of the fault, and a sound one before it in which the fault is simulated. */
      readonly between: Span;
      readonly sound: Span;
      /** Spans of other faults. */
      readonly exclude: readonly Span[];
      /** How long the fault has been seen, and how long its end takes to be; absent: as long as `between`. */
      readonly ageMs?: number;
      readonly seenMs?: number;
    }
  /** From now on the model gets a declared value in the faulty rows of these features. */
  | { readonly do: 'applyRemedy'; readonly features: readonly string[] }
  /** The model gets these features as they are: the remedy brings nothing, or is taken back. */
  | { readonly do: 'refuseRemedy'; readonly features: readonly string[] }
  | { readonly do: 'releaseFeatures'; readonly features: readonly string[]; readonly to: number }
  /** Draws predictions of a span to be labelled by hand. */
  | { readonly do: 'audit'; readonly span: Span; readonly size: number; readonly seed: number }
  | {
      readonly do: 'ask';
      readonly step: ApprovalStep;
      readonly until: number;
      readonly otherwise: 'approve' | 'deny';
    }
  /** Nobody answered in time. */
  | { readonly do: 'answer'; readonly step: ApprovalStep; readonly approve: boolean }
  | {
      readonly do: 'retrain';
      readonly between: { readonly from: number | null; readonly to: number };
      /** Faulty spans: their rows are left out. */
      readonly exclude: readonly Span[];
      readonly rows: number;
    }
  | {
      readonly do: 'gate';
      readonly version: number;
      readonly champion: number;
      readonly recent: Span;
      readonly old: Span | null;
      /** Whether the old slice decides, or is only shown. */
      readonly oldDecides: boolean;
      readonly exclude: readonly Span[];
    }
  | {
      readonly do: 'rollOut';
      readonly version: number;
      readonly champion: number;
      /** The move of the scores on the rows of the gate: no guardrail of scores trips on it. */
      readonly explained?: ExplainedMove;
    }
  /** The paired shadow shows a gain: the rollout may continue. */
  | { readonly do: 'pass'; readonly rollout: string }
  | { readonly do: 'rollBack'; readonly rollout: string }
  /** A response is over. */
  | {
      readonly do: 'end';
      readonly outcome: 'promoted' | 'rolledBack' | 'rejected' | 'failed' | 'denied' | 'dryRun';
      readonly version: number | null;
    }
  /** A new version is called for, and not trained now. */
  | { readonly do: 'wait'; readonly why: 'frozen' | 'fault' | 'cooldown' | 'budget' | 'rollout' | 'labels' };

/** A decision, written before anything is done. */
export interface Decided {
  readonly kind: 'decided';
  /** `fraud-17`: names what it makes as well. */
  readonly id: string;
  /** Revision of the first of the decisions that were made and written together. */
  readonly batch: number;
  readonly action: PlaybookAction;
  readonly tier: 0 | 1 | 2 | 3 | 4;
  /** Fingerprint of the cause. */
  readonly cause: string;
  readonly reason: string;
  /** Revision and digest of the inputs, and revision of the limits. */
  readonly observed: number;
  readonly digest: string;
  readonly configured: number;
  /** The limits that it compared with. */
  readonly thresholds: Readonly<Record<string, number | string | boolean | null>>;
  /** Versions of the model that it concerns. */
  readonly versions: readonly number[];
}

/** A decision that was carried out, or could not be. */
export interface Finished {
  readonly kind: 'finished';
  readonly decision: string;
  readonly isDone: boolean;
  /** Plain JSON: what it made; of a failure its code and message. */
  readonly result: Readonly<Record<string, unknown>>;
}

/** A person's answer to `ask`. */
export interface Answered {
  readonly kind: 'answered';
  readonly decision: string;
  readonly approve: boolean;
  readonly reason: string;
}

/** A person says that a fault of these features is none: the data are meant so, until another version is champion. */
export interface Accepted {
  readonly kind: 'accepted';
  readonly features: readonly string[];
  readonly reason: string;
}

/** While it is frozen, nothing is trained, rolled out or promoted; faults are still stopped and breaches rolled back. */
export interface Freeze {
  readonly kind: 'frozen' | 'thawed';
  readonly reason: string;
}

export type PlaybookFact = Configured | Observed | Decided | Finished | Answered | Accepted | Freeze;

/** A fact of a journal. */
export type PlaybookEntry = PlaybookFact & {
  readonly model: string;
  /** 1, 2, … of its model. */
  readonly revision: number;
  readonly at: number;
  /** `playbook`, or who did it. */
  readonly by: string;
};

/** A fact to append. */
export type NewEntry = PlaybookFact & Pick<PlaybookEntry, 'at' | 'by'>;

/**
 * The journals of playbooks, one a model, shared by every process of an environment.
 *
 * Rules:
 *  1. entries are numbered 1, 2, … of their model in the order of appending, and never change;
 *  2. an append is all or nothing, and happens only if the journal ends at `expected`; otherwise PLAYBOOK_MOVED;
 *  3. acknowledged entries survive the process, and are seen by every other one that has the store open.
 */
export interface PlaybookStore {
  /** Entries after a revision, in order. */
  entries(model: string, after?: number): MaybePromise<readonly PlaybookEntry[]>;
  /** Returns the revision of the last appended entry. Error: PLAYBOOK_MOVED. */
  append(model: string, expected: number, facts: readonly NewEntry[]): MaybePromise<number>;
  close(): MaybePromise<void>;
}
