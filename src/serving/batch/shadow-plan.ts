import { fail } from '../../base/errors/fail.ts';
import type { ModelData } from '../../features/define/declaration.ts';
import { type RolloutPlan, rolloutPlan } from '../../features/define/rollout.ts';
import type { RolloutStore } from '../../ports/rollout-store.ts';
import { isCompared, isShadowing } from '../rollout/lane.ts';

/** The rollouts that batch jobs take part in. */
export interface BatchRollouts {
  readonly store: Pick<RolloutStore, 'newest' | 'observe'>;
  /** Judges the rollout of a model by the stored evidence. Nothing where another process does. */
  readonly judge: (model: ModelData) => Promise<void>;
}

/** The version that scores the rows of a job too, and the rollout that gets the comparison. */
export interface ShadowPlan {
  readonly version: number;
  /** null: the comparison is of no rollout. */
  readonly rollout: string | null;
  /** Scores outside of it are counted; null: none is. */
  readonly range: RolloutPlan['guardrails']['range'];
}

/** A job whose shadow is wanted. */
export interface ShadowAsked {
  /** `none`: no version; left out: the candidate of the rollout under way. */
  readonly shadow?: number | 'none' | undefined;
  /** The version of the job. */
  readonly version: number;
}

/**
 * The shadow of a job; null: none. Errors: PREDICT_OPTION where the named version is that of the job, ROLLOUT_* where rollouts cannot be
 * read.
 */
export async function shadowPlanOf(
  model: ModelData,
  { shadow, version }: ShadowAsked,
  rollouts: BatchRollouts | null,
): Promise<ShadowPlan | null> {
  if (shadow === 'none') return null;
  if (shadow === version) throw fail('PREDICT_OPTION', { option: 'shadow', value: shadow });
  const rollout = (await rollouts?.store.newest(model.name)) ?? null;
  const isUnderWay = rollout !== null && (isShadowing(rollout) || isCompared(rollout)) && rollout.champion === version;
  if (rollout !== null && isUnderWay && (shadow === undefined || shadow === rollout.candidate))
    return { version: rollout.candidate, rollout: rollout.id, range: rollout.plan.guardrails.range };
  return shadow === undefined ? null : { version: shadow, rollout: null, range: rolloutPlan(model).guardrails.range };
}
