import { fingerprintOf } from '../ports/incident.ts';
import { answerDrift } from './answer-drift.ts';
import { answerFaults } from './answer-faults.ts';
import { answerRemedies } from './answer-remedies.ts';
import { continueResponse } from './continue-response.ts';
import { type Decision, decision, type Situation } from './decision.ts';
import { startResponse } from './start-response.ts';

/**
 * Everything that follows from a situation, the most urgent first. Pure: the same journal and the same observation give the same
 * decisions in every process and in every replay.
 */
export function decide(situation: Situation): readonly Decision[] {
  const faults = answerFaults(situation);
  const released = faults.flatMap(({ action }) => (action.do === 'releaseFeatures' ? action.features : []));
  return [
    ...answerBreach(situation),
    ...faults,
    ...answerRemedies(situation, released),
    ...answerDrift(situation),
    ...(situation.state.response === null ? startResponse(situation) : continueResponse(situation)),
  ];
}

/** Tier 4: a promoted version that is certainly worse than the previous one, which is still loaded. Frozen or not. */
function answerBreach({ model, observed, state }: Situation): readonly Decision[] {
  const { rollout } = observed;
  if (rollout?.state !== 'soaking' || rollout.breach === null || state.rolledBack.includes(rollout.id)) return [];
  const cause = fingerprintOf({ model, kind: 'rollout' }, ['breach']);
  return [decision({ do: 'rollBack', rollout: rollout.id }, { tier: 4, cause, reason: rollout.breach })];
}
