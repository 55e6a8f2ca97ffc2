import { fingerprintOf } from '../ports/incident.ts';
import type { PlaybookAction, SeenMonitor, Span } from '../ports/playbook-store.ts';
import { lastDue, parseCron } from '../schedule/cron.ts';
import { hasFault } from './answer-drift.ts';
import { type Decision, decision, type Situation } from './decision.ts';
import { hasEnoughRows } from './enough-rows.ts';
import { incidentOf } from './incident-of.ts';
import { faultySpans, type PastResponse, type PlaybookState } from './state.ts';

const MONTH_MS = 30 * 86_400_000;

/** Why a new version is trained. */
interface Trigger {
  readonly kind: 'conceptDrift' | 'schedule';
  readonly cause: string;
  readonly reason: string;
  /** The begin of the new concept; null: nobody knows. */
  readonly changedAt: number | null;
}

/** Tier 3: trains a new version after a concept drift, or because it is due; or says once why not now. */
export function startResponse(situation: Situation): readonly Decision[] {
  const { plan, state } = situation;
  if (plan.retrain === null || state.response !== null) return [];
  const trigger = triggerNow(situation);
  if (trigger === null) return [];
  const { cause, reason } = trigger;
  const of = { tier: 3, cause, reason, thresholds: thresholdsOf(situation) } as const;
  const why = obstacle(situation, trigger);
  if (why === 'fault' && isHeldUp(situation)) {
    const { askAfter } = plan.quality;
    const held = `faults have held the training up for more than ${askAfter} windows`;
    return ask(situation, { ...of, reason: `${held}: ${reason}`, thresholds: { askAfter } });
  }
  if (why !== null) return state.waits.get(cause) === why ? [] : [decision({ do: 'wait', why }, of)];
  const gainless = trigger.kind === 'schedule' ? 0 : gainlessOf(state, cause);
  if (gainless >= plan.retrain.sameCause)
    return ask(situation, { ...of, reason: `${gainless} trainings for this cause brought no gain: ${reason}` });
  if (plan.approval?.before.includes('retrain') === true) return ask(situation, of);
  return [decision(retrainAction(situation, trigger), of)];
}

/** A concept drift first; but one that lacks labels, or waits for a person, does not hold the schedule up. */
function triggerNow(situation: Situation): Trigger | null {
  const drift = conceptDrift(situation);
  const due = schedule(situation);
  if (drift === null || due === null) return drift ?? due;
  const sameCause = situation.plan.retrain?.sameCause ?? 0;
  const isStuck = gainlessOf(situation.state, drift.cause) >= sameCause || obstacle(situation, drift) === 'labels';
  return isStuck ? due : drift;
}

/** The training that a trigger asks for; also once a person approved it. */
export function retrainAction(
  situation: Situation,
  { changedAt }: Pick<Trigger, 'changedAt'>,
): Extract<PlaybookAction, { do: 'retrain' }> {
  const { plan, state, now } = situation;
  const between = trainingSpan(situation, changedAt);
  const isAllowed = state.response?.approved.includes('retrain') === true;
  return { do: 'retrain', between, exclude: faultySpans(state, now, isAllowed), rows: plan.retrain?.rows ?? 0 };
}

/** The trigger that is there now, for a response that waited for a person. */
export function triggerOf(situation: Situation, cause: string): Pick<Trigger, 'changedAt'> {
  const trigger = conceptDrift(situation);
  return trigger?.cause === cause ? trigger : { changedAt: null };
}

/** Labels have had their time before its end; the newest rows are kept for the gate. */
function trainingSpan(
  { plan, labelWithinMs, now }: Situation,
  changedAt: number | null,
): { readonly from: number | null; readonly to: number } {
  const end = now - labelWithinMs;
  const windowMs = plan.retrain?.windowMs ?? null;
  const first = windowMs === null ? null : end - windowMs;
  const from = changedAt === null ? first : Math.max(changedAt, first ?? changedAt);
  return { from, to: end - plan.gate.recentMs };
}

function conceptDrift({ model, plan, observed }: Situation): Trigger | null {
  if (plan.retrain?.onConceptDrift !== true) return null;
  const found = observed.monitors.find(
    ({ kind, state, version }) => kind === 'conceptDrift' && state === 'drift' && version === observed.champion,
  );
  if (found === undefined) return null;
  const cause = fingerprintOf({ model, kind: 'conceptDrift' }, [found.metric]);
  return { kind: 'conceptDrift', cause, reason: found.reason, changedAt: changeOf(found) };
}

function changeOf({ windows }: SeenMonitor): number | null {
  const known = windows.map(({ changedAt }) => changedAt).filter((at) => at !== null);
  return known.length === 0 ? null : Math.min(...known);
}

function schedule({ model, plan, state, now, observed }: Situation): Trigger | null {
  const text = plan.retrain?.schedule ?? null;
  if (text === null || state.configured === null || observed.champion === null) return null;
  const due = lastDue(parseCron(text, `the playbook of ${model}`), now);
  const cause = fingerprintOf({ model, kind: 'retrain' }, ['schedule']);
  const since = Math.max(state.configured.at, ...state.retrainedAt, ...deniedAt(state, cause));
  if (due === null || due <= since) return null;
  return { kind: 'schedule', cause, reason: `due at ${new Date(due).toISOString()}`, changedAt: null };
}

function obstacle(
  situation: Situation,
  { cause, changedAt }: Trigger,
): Extract<PlaybookAction, { do: 'wait' }>['why'] | null {
  const { plan, state, observed, now } = situation;
  const { retrain } = plan;
  if (retrain === null) return null;
  if (state.frozen !== null) return 'frozen';
  if (hasFault(situation) || state.stopped.some(({ to }) => to === null)) return 'fault';
  if (isUnderWay(situation)) return 'rollout';
  // A person who denied is not asked the same again at once.
  const last = Math.max(...state.retrainedAt.slice(-1), ...deniedAt(state, cause).slice(-1));
  if (now - last < retrain.cooldownMs) return 'cooldown';
  if (state.retrainedAt.filter((at) => now - at < MONTH_MS).length >= retrain.perMonth) return 'budget';
  if (observed.champion === null) return null;
  const { from, to } = trainingSpan(situation, changedAt);
  // Without a change, the training itself counts its rows first.
  const isCounted = changedAt !== null || state.past.findLast((one) => one.cause === cause)?.lacked !== undefined;
  return isCounted && !hasEnoughRows(situation, cause, { from: from ?? Number.NEGATIVE_INFINITY, to })
    ? 'labels'
    : null;
}

/** Whether open faults have held trainings up for longer than they may without a question. */
function isHeldUp({ plan, state, observed, now }: Situation): boolean {
  const windows = observed.monitors.filter(({ kind }) => kind === 'featureDrift').flatMap((monitor) => monitor.windows);
  const windowMs = Math.max(0, ...windows.map(({ from, to }) => to - from));
  const since = Math.min(...state.stopped.flatMap(({ from, to }) => (to === null ? [from] : [])));
  const denied = Math.max(
    Number.NEGATIVE_INFINITY,
    ...state.past.filter(({ outcome }) => outcome === 'denied').map(({ at }) => at),
  );
  return windowMs > 0 && now - Math.max(since, denied) > plan.quality.askAfter * windowMs;
}

/** When trainings for a cause were denied. */
function deniedAt({ past }: PlaybookState, cause: string): readonly number[] {
  return past.flatMap((one) => (one.cause === cause && one.outcome === 'denied' ? [one.at] : []));
}

/** Whether a rollout of the model is not over. */
export function isUnderWay({ observed: { rollout } }: Pick<Situation, 'observed'>): boolean {
  return rollout !== null && rollout.state !== 'completed' && rollout.state !== 'rolledBack';
}

/** Trainings for a cause since one of them became champion. */
function gainlessOf({ past }: PlaybookState, cause: string): number {
  const isTraining = ({ outcome, version, lacked }: PastResponse) =>
    lacked === undefined && outcome !== 'dryRun' && (outcome !== 'denied' || version !== null);
  const own = past.filter((one) => one.cause === cause && isTraining(one));
  return own.length - 1 - own.findLastIndex(({ outcome }) => outcome === 'promoted');
}

function thresholdsOf({ plan }: Situation): Decision['thresholds'] {
  const { retrain } = plan;
  if (retrain === null) return {};
  const { cooldownMs, perMonth, sameCause, rows } = retrain;
  return { cooldownMs, perMonth, sameCause, rows, recentMs: plan.gate.recentMs };
}

const DAY_MS = 86_400_000;

/** Asks a person, with an incident that says until when. */
export function ask(
  situation: Situation,
  of: Pick<Decision, 'tier' | 'cause' | 'reason' | 'thresholds'>,
  step: Extract<PlaybookAction, { do: 'ask' }>['step'] = 'retrain',
): readonly Decision[] {
  const { model, plan, now } = situation;
  const { withinMs = DAY_MS, otherwise = 'deny' } = plan.approval ?? {};
  const until = now + withinMs;
  const summary = `${model}: approve or deny the ${step} until ${new Date(until).toISOString()}: ${of.reason}`;
  const incident = incidentOf(situation, 'approval', {
    fingerprint: approvalOf(model),
    tier: of.tier,
    severity: 'ticket',
    summary,
    evidence: { step, until, otherwise, cause: of.cause },
  });
  return [decision({ do: 'ask', step, until, otherwise }, of), decision({ do: 'openIncident', incident }, of)];
}

/** The fingerprint of a question to a person: one of a model waits at a time. */
export function approvalOf(model: string): string {
  return fingerprintOf({ model, kind: 'approval' }, ['answer']);
}

/** The slices of the gate: the newest labelled rows, which the training set lacks, and those before it. */
export function gateSlices(
  { plan }: Pick<Situation, 'plan'>,
  { between }: Extract<PlaybookAction, { do: 'retrain' }>,
): { readonly recent: Span; readonly old: Span | null } {
  const { recentMs, oldMs } = plan.gate;
  const recent = { from: between.to, to: between.to + recentMs };
  const { from } = between;
  return { recent, old: oldMs === null || from === null ? null : { from: from - oldMs, to: from } };
}
