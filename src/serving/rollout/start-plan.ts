import { fail } from '../../base/errors/fail.ts';
import { type ExplainedMove, type RolledModel, type RolloutPlan, rolloutPlan } from '../../features/define/rollout.ts';

/** The plan of a new rollout: as declared, or as written for a model that no project declares. Error: MODEL_ROLLOUT. */
export function planOf(model: RolledModel, written: RolledModel['rollout'] | undefined): RolloutPlan {
  if (written !== undefined && model.service !== null)
    throw fail('MODEL_ROLLOUT', {
      model: model.name,
      option: 'plan',
      reason: 'the project declares the rollouts of this model',
    });
  return rolloutPlan(written === undefined ? model : { ...model, rollout: written });
}

/** Whether a guardrail of scores needs the gate of a start: the start brings no measure. */
export function needsGate({ guardrails }: RolloutPlan, explained: ExplainedMove | undefined): boolean {
  return explained === undefined && (guardrails.scoreShift !== null || guardrails.scoreDistance !== null);
}

/** A plan with the move of scores that a gate explains. */
export function explainedBy(plan: RolloutPlan, explained: ExplainedMove | undefined): RolloutPlan {
  return explained === undefined ? plan : { ...plan, guardrails: { ...plan.guardrails, explained } };
}
