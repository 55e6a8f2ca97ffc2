import type { MaybePromise } from '../base/maybe-promise.ts';
import type { RolloutPlan } from '../features/define/rollout.ts';

/**
 * Where a rollout stands.
 *
 * - `shadow`: the candidate scores copies of requests; the champion answers them all.
 * - `canary`: the candidate answers the callers of the current step, a baseline of equal size is compared with it.
 * - `held`: as before, but it goes no further until the reason is gone or an operator decides.
 * - `soaking`: promoted; the previous version stays loaded.
 * - `completed`, `rolledBack`: over.
 */
export type RolloutState = 'shadow' | 'canary' | 'held' | 'soaking' | 'completed' | 'rolledBack';

/** One rollout of one version. */
export interface Rollout {
  readonly id: string;
  readonly model: string;
  /** Counts its changes, from 1. */
  readonly revision: number;
  /** The champion that it began with, and the version that is to replace it. */
  readonly champion: number;
  readonly candidate: number;
  readonly plan: RolloutPlan;
  /** The comparison with the champion on labelled rows, before it started; null or left out: none was asked for. */
  readonly gate?: { readonly isPassed: boolean; readonly reason: string } | null;
  /** Mixed into the hash of a caller's key: each rollout has cohorts of its own. */
  readonly salt: string;
  readonly state: RolloutState;
  /** Its state when it was held, and by whom: the judge releases its own holds. */
  readonly held: { readonly from: 'shadow' | 'canary'; readonly by: 'judge' | 'operator' } | null;
  /** Index of the step in `plan.steps`; that of the first while it is in the shadow. */
  readonly step: number;
  /** When the state or the step began, epoch ms. */
  readonly since: number;
  /** A prediction that takes longer counts as slow, ms; null: not known yet. Fixed before those that it judges. */
  readonly slowMs: number | null;
  readonly startedAt: number;
  readonly endedAt: number | null;
  /** Why it is in this state. */
  readonly reason: string;
}

/** The kind of a change. */
export type RolloutEventKind =
  | 'started'
  | 'canaried'
  | 'raised'
  | 'held'
  | 'released'
  | 'promoted'
  | 'rolledBack'
  | 'completed'
  | 'tuned';

/** One change of a rollout, with the numbers that the decision saw: the audit record. */
export interface RolloutEvent {
  readonly rollout: string;
  /** The revision that it made. */
  readonly revision: number;
  readonly kind: RolloutEventKind;
  readonly at: number;
  /** `judge`, or who decided. */
  readonly by: string;
  readonly reason: string;
  readonly state: RolloutState;
  /** Percentage of the callers that the candidate answers from now on. */
  readonly percent: number;
  /** Plain JSON. */
  readonly numbers: unknown;
}

/**
 * Rollouts of models, shared by every server of an environment.
 *
 * Rules:
 *  1. a model has at most one rollout that is not over (ROLLOUT_ACTIVE), whoever starts it;
 *  2. a rollout changes by compare-and-swap on its revision, with its event in the same transaction: if another change
 *     came before, nothing changes (ROLLOUT_MOVED);
 *  3. events are kept, in the order of their revisions, and each is delivered at least once: `undelivered` gives it until
 *     `delivered` confirms it;
 *  4. evidence is kept by server: writing it again replaces what that server wrote before, whatever others wrote;
 *  5. acknowledged changes survive the process;
 *  6. `underWay` has the rollout of each model that is not over, and no other.
 */
export interface RolloutStore {
  /** Stores a new rollout. Error: ROLLOUT_ACTIVE. */
  start(rollout: Rollout, event: RolloutEvent): MaybePromise<void>;
  /** The newest rollout of a model, over or not; null without any. */
  newest(model: string): MaybePromise<Rollout | null>;
  /** The rollouts of all models that are not over. */
  underWay(): MaybePromise<readonly Rollout[]>;
  /** Every rollout of a model, the newest first. */
  list(model: string): MaybePromise<readonly Rollout[]>;
  /** Replaces a rollout whose revision is one below. Error: ROLLOUT_MOVED. */
  change(next: Rollout, event: RolloutEvent): MaybePromise<void>;
  events(rollout: string): MaybePromise<readonly RolloutEvent[]>;
  /** Events of a model that nobody confirmed, oldest first. */
  undelivered(model: string): MaybePromise<readonly RolloutEvent[]>;
  delivered(rollout: string, revision: number): MaybePromise<void>;
  /** Replaces the evidence of one server; plain JSON. */
  observe(rollout: string, server: string, evidence: unknown): MaybePromise<void>;
  /** The evidence of every server. */
  evidence(rollout: string): MaybePromise<readonly unknown[]>;
  close(): MaybePromise<void>;
}
