import { numberText } from '../base/number-text.ts';
import type { ApprovalStep } from '../features/define/playbook.ts';
import { fingerprintOf, type IncidentKind } from '../ports/incident.ts';
import type { PlaybookAction } from '../ports/playbook-store.ts';
import { type Decision, decision, type Situation } from './decision.ts';
import { incidentOf } from './incident-of.ts';
import { approvalOf, ask, gateSlices, isUnderWay, retrainAction, triggerOf } from './start-response.ts';
import type { Response } from './state.ts';

type Outcome = Extract<PlaybookAction, { do: 'end' }>['outcome'];

/** The next step of the response under way; nothing while one is being carried out, or a person has to answer. */
export function continueResponse(situation: Situation): readonly Decision[] {
  const { state, now } = situation;
  const { response } = state;
  if (response === null || state.pending.some(({ action }) => LONG.includes(action.do))) return [];
  const { asked } = response;
  const open = situation.state.incidents.has(approvalOf(situation.model)) && asked?.answer !== null;
  const closed = open ? [closeQuestion(situation, response)] : [];
  if (asked !== null && asked.answer === null) {
    if (now < asked.until) return [];
    const reason = `nobody answered until ${new Date(asked.until).toISOString()}`;
    const answer = { do: 'answer', step: asked.step, approve: asked.otherwise === 'approve' } as const;
    return [decision(answer, { ...ofCause(response), reason, thresholds: { otherwise: asked.otherwise } })];
  }
  if (asked?.answer === 'deny') return [...closed, ...denied(situation, response, asked.step)];
  return [...closed, ...nextStep(situation, response)];
}

const LONG: readonly PlaybookAction['do'][] = ['retrain', 'gate', 'rollOut', 'rollBack'];

function ofCause({ cause, reason }: Response): { readonly tier: 3; readonly cause: string; readonly reason: string } {
  return { tier: 3, cause, reason };
}

function closeQuestion({ model, now }: Situation, response: Response): Decision {
  const reason = `answered: ${response.asked?.answer ?? ''}`;
  return decision({ do: 'resolveIncident', fingerprint: approvalOf(model), at: now }, { ...ofCause(response), reason });
}

function denied(situation: Situation, response: Response, step: ApprovalStep): readonly Decision[] {
  const { observed, state } = situation;
  const { rollout } = response;
  const isOut = rollout !== null && observed.rollout?.id === rollout && isUnderWay(situation);
  const reason = `the ${step} was denied`;
  if (isOut && !state.rolledBack.includes(rollout))
    return [decision({ do: 'rollBack', rollout }, { ...ofCause(response), reason })];
  if (isOut) return [];
  return end(response, 'denied', reason);
}

function nextStep(situation: Situation, response: Response): readonly Decision[] {
  const { retrain, version, gate, rollout, failure } = response;
  if (failure !== null) return giveUp(situation, response, 'failed', failure);
  if (retrain === null) return startTraining(situation, response);
  if (version === null) return [];
  if (gate === null) return [gateOf(situation, response, retrain, version)];
  if (!gate.isPassed) return giveUp(situation, response, 'rejected', gate.reason);
  return rollout === null ? startRollout(situation, response, version) : followRollout(situation, response, rollout);
}

/** After an approval: with the window as it is now. */
function startTraining(situation: Situation, response: Response): readonly Decision[] {
  if (situation.state.frozen !== null) return [];
  const action = retrainAction(situation, triggerOf(situation, response.cause));
  return [decision(action, { ...ofCause(response), thresholds: { rows: action.rows } })];
}

function gateOf(
  situation: Situation,
  response: Response,
  retrain: Extract<PlaybookAction, { do: 'retrain' }>,
  version: number,
): Decision {
  const { plan, observed, model } = situation;
  const { tolerance, alpha, rows, oldAlways } = plan.gate;
  const isScheduled = response.cause === fingerprintOf({ model, kind: 'retrain' }, ['schedule']);
  const action = {
    do: 'gate',
    version,
    champion: observed.champion ?? 0,
    ...gateSlices(situation, retrain),
    oldDecides: isScheduled || oldAlways,
    exclude: retrain.exclude,
  } as const;
  return decision(action, { ...ofCause(response), thresholds: { tolerance, alpha, rows } });
}

function startRollout(situation: Situation, response: Response, version: number): readonly Decision[] {
  const { plan, observed, state } = situation;
  if (state.frozen !== null || isUnderWay(situation)) return [];
  if (plan.approval?.before.includes('rollout') === true && !response.approved.includes('rollout'))
    return ask(situation, { ...ofCause(response), reason: response.gate?.reason ?? '', thresholds: {} }, 'rollout');
  const reason = response.gate?.reason ?? response.reason;
  const explained = response.gate?.explained;
  const moved = explained === undefined ? {} : { explained };
  const action = { do: 'rollOut', version, champion: observed.champion ?? 0, ...moved } as const;
  return [decision(action, { ...ofCause(response), reason })];
}

function followRollout(situation: Situation, response: Response, id: string): readonly Decision[] {
  const { plan, observed, state, now } = situation;
  const { rollout } = observed;
  // Another one is newer: this one is over, and its end was seen before.
  if (rollout?.id !== id) return rollout === null ? [] : end(response, 'rolledBack', 'another rollout followed');
  if (rollout.state === 'completed') return promoted(situation, response);
  if (rollout.state === 'rolledBack') return giveUp(situation, response, 'rolledBack', rollout.reason);
  const heldMs = now - (rollout.heldSince ?? rollout.since);
  if (rollout.state === 'held' && heldMs > plan.holdMs && !state.rolledBack.includes(id)) {
    const reason = `inconclusive for longer than it may be held: ${rollout.reason}`;
    return [
      decision({ do: 'rollBack', rollout: id }, { ...ofCause(response), reason, thresholds: { holdMs: plan.holdMs } }),
    ];
  }
  const shadow = followShadow(situation, response);
  if (shadow.length > 0) return shadow;
  const needs = plan.approval?.before.includes('promotion') === true && !response.approved.includes('promotion');
  if (needs && rollout.isLastStep)
    return ask(situation, { ...ofCause(response), reason: rollout.reason, thresholds: {} }, 'promotion');
  return [];
}

/** The paired shadow: a certain gain lets the rollout continue, a certain loss ends it. */
function followShadow({ plan, observed: { rollout }, state }: Situation, response: Response): readonly Decision[] {
  const paired = rollout?.paired ?? null;
  if (plan.shadow === null || rollout === null || paired === null || response.isPaired) return [];
  const { labels, mean, low, high } = paired;
  const says = `loss of version ${rollout.candidate} less that of ${rollout.champion} on ${labels} labelled requests: ${numberText(mean)}, certainly in [${numberText(low)}, ${numberText(high)}]`;
  const of = { ...ofCause(response), reason: says, thresholds: { labels: plan.shadow.labels } };
  if (labels < plan.shadow.labels) return [];
  if (high < 0) return [decision({ do: 'pass', rollout: rollout.id }, of)];
  if (low <= 0 || state.rolledBack.includes(rollout.id)) return [];
  return [decision({ do: 'rollBack', rollout: rollout.id }, { ...of, tier: 4 })];
}

function promoted(situation: Situation, response: Response): readonly Decision[] {
  const reason = `version ${response.version} is champion`;
  const ended = end(response, 'promoted', reason);
  const causes = [response.cause, failureOf(situation.model, 'retrain'), failureOf(situation.model, 'rollout')];
  const open = causes.filter((cause) => situation.state.incidents.has(cause));
  return [
    ...ended,
    ...open.map((fingerprint) =>
      decision({ do: 'resolveIncident', fingerprint, at: situation.now }, { ...ofCause(response), reason }),
    ),
  ];
}

function end(response: Response, outcome: Outcome, reason: string): readonly Decision[] {
  return [decision({ do: 'end', outcome, version: response.version }, { ...ofCause(response), reason })];
}

function failureOf(model: string, kind: 'retrain' | 'rollout'): string {
  return fingerprintOf({ model, kind }, ['failure']);
}

/** Ends a response without gain, with an incident that says why. */
function giveUp(
  situation: Situation,
  response: Response,
  outcome: 'failed' | 'rejected' | 'rolledBack',
  reason: string,
): readonly Decision[] {
  const kind: IncidentKind = outcome === 'rolledBack' ? 'rollout' : 'retrain';
  const fingerprint = failureOf(situation.model, kind);
  const incident = incidentOf(situation, kind, {
    fingerprint,
    tier: outcome === 'rolledBack' ? 4 : 3,
    severity: outcome === 'rolledBack' ? 'page' : 'ticket',
    summary: `${situation.model}: version ${response.version ?? 'without a number'} ${WORDS[outcome]}: ${reason}`,
    evidence: { outcome, version: response.version, cause: response.cause },
  });
  return [
    ...end(response, outcome, reason),
    decision({ do: 'openIncident', incident }, { ...ofCause(response), reason }),
  ];
}

const WORDS = { failed: 'was not made', rejected: 'did not pass the gate', rolledBack: 'was rolled back' } as const;
