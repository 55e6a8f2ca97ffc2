import { fail } from '../base/errors/fail.ts';
import type { ApprovalStep } from '../features/define/playbook.ts';
import type { ExplainedMove } from '../features/define/rollout.ts';
import type { Incident } from '../ports/incident.ts';
import type {
  Answered,
  Configured,
  Decided,
  Finished,
  Observed,
  PlaybookAction,
  PlaybookEntry,
} from '../ports/playbook-store.ts';
import { type Stopped, stoppedAfter, stoppedAfterTrial } from './stopped-feature.ts';

/** A question to a person; `answer` is null until one comes. */
export interface Asked {
  readonly id: string;
  readonly step: ApprovalStep;
  readonly until: number;
  readonly otherwise: 'approve' | 'deny';
  readonly answer: 'approve' | 'deny' | null;
}

/** A response under way: from the decision to train until the new version is champion or given up. */
export interface Response {
  readonly id: string;
  readonly cause: string;
  readonly since: number;
  readonly reason: string;
  readonly asked: Asked | null;
  /** Steps that a person approved. */
  readonly approved: readonly ApprovalStep[];
  readonly retrain: Extract<PlaybookAction, { do: 'retrain' }> | null;
  readonly version: number | null;
  readonly gate: { readonly isPassed: boolean; readonly reason: string; readonly explained?: ExplainedMove } | null;
  /** Id of its rollout, once it was decided. */
  readonly rollout: string | null;
  /** Whether the paired shadow showed a gain. */
  readonly isPaired: boolean;
  /** Why a step could not be carried out; null: it could. */
  readonly failure: string | null;
  /** Set once its training lacked labelled rows. */
  readonly lacked?: LackedRows;
}

/** The count of a training that lacked labelled rows; null: not known. `to`: end of its span. */
export interface LackedRows {
  readonly rows: number | null;
  readonly to: number;
}

/** A response that is over. */
export interface PastResponse {
  readonly id: string;
  readonly cause: string;
  readonly outcome: Extract<PlaybookAction, { do: 'end' }>['outcome'];
  readonly version: number | null;
  readonly reason: string;
  readonly at: number;
  /** Its training lacked labelled rows: no training happened, so it counts for no limit. Absent: another end. */
  readonly lacked?: LackedRows;
}

/** The state of a model's playbook: its journal, folded. */
export interface PlaybookState {
  readonly revision: number;
  readonly configured: (Configured & { readonly revision: number; readonly at: number }) | null;
  readonly observed: (Observed & { readonly revision: number; readonly at: number }) | null;
  readonly frozen: { readonly by: string; readonly at: number; readonly reason: string } | null;
  /** Decided, and not known to be carried out. */
  readonly pending: readonly Decided[];
  readonly response: Response | null;
  readonly past: readonly PastResponse[];
  readonly stopped: readonly Stopped[];
  readonly accepted: { readonly features: readonly string[]; readonly champion: number | null } | null;
  /** Open ones, by fingerprint. */
  readonly incidents: ReadonlyMap<string, Incident>;
  /** Instants of the trainings. */
  readonly retrainedAt: readonly number[];
  /** Why a cause waits. */
  readonly waits: ReadonlyMap<string, string>;
  /** Rollouts that were ordered back. */
  readonly rolledBack: readonly string[];
}

export const NO_STATE: PlaybookState = {
  revision: 0,
  configured: null,
  observed: null,
  frozen: null,
  pending: [],
  response: null,
  past: [],
  stopped: [],
  accepted: null,
  incidents: new Map(),
  retrainedAt: [],
  waits: new Map(),
  rolledBack: [],
};

/** Actions that something has to be done for; the others take effect by being written. */
const WITH_EFFECT: readonly PlaybookAction['do'][] = [
  'openIncident',
  'resolveIncident',
  'audit',
  'tryRemedy',
  'retrain',
  'gate',
  'rollOut',
  'rollBack',
];

/** The state after more entries. Error: PLAYBOOK_FILE, for a fact that this version does not know. */
export function fold(state: PlaybookState, entries: readonly PlaybookEntry[]): PlaybookState {
  return entries.reduce(folded, state);
}

function folded(state: PlaybookState, entry: PlaybookEntry): PlaybookState {
  const next = { ...state, revision: entry.revision };
  switch (entry.kind) {
    case 'configured':
      return { ...next, configured: entry };
    case 'observed':
      return { ...next, observed: entry };
    case 'decided':
      return withDecision(next, entry, entry.at);
    case 'finished':
      return withOutcome(next, entry);
    case 'answered':
      return withAnswer(next, entry);
    case 'accepted':
      return {
        ...next,
        accepted: { features: entry.features, champion: state.observed?.champion ?? null },
        stopped: state.stopped.filter(({ feature }) => !entry.features.includes(feature)),
      };
    case 'frozen':
      return { ...next, frozen: { by: entry.by, at: entry.at, reason: entry.reason }, waits: new Map() };
    case 'thawed':
      return { ...next, frozen: null, waits: new Map() };
    default:
      entry satisfies never;
      throw fail('PLAYBOOK_FILE', { path: 'journal', reason: 'it has a fact that this version does not know' });
  }
}

function withDecision(state: PlaybookState, decided: Decided, at: number): PlaybookState {
  const { action } = decided;
  const isDry = state.configured?.plan.mode === 'dryRun';
  const pending = !isDry && WITH_EFFECT.includes(action.do) ? [...state.pending, decided] : state.pending;
  const next = { ...state, pending };
  switch (action.do) {
    case 'openIncident':
      return { ...next, incidents: new Map([...state.incidents, [action.incident.fingerprint, action.incident]]) };
    case 'resolveIncident':
      return { ...next, incidents: new Map([...state.incidents].filter(([name]) => name !== action.fingerprint)) };
    case 'stopFeatures':
    case 'releaseFeatures':
    case 'tryRemedy':
    case 'applyRemedy':
    case 'refuseRemedy':
      return { ...next, stopped: stoppedAfter(state.stopped, decided, at, isDry) };
    case 'wait':
      return { ...next, waits: new Map([...state.waits, [decided.cause, action.why]]) };
    case 'rollBack':
      return { ...next, rolledBack: [...state.rolledBack, action.rollout] };
    case 'audit':
      return next;
    default:
      return { ...next, ...responseAfter(next, decided, at, isDry) };
  }
}

/** The parts of a state that a step of a response changes. */
function responseAfter(
  state: PlaybookState,
  { id, action, cause, reason }: Decided,
  at: number,
  isDry: boolean,
): Partial<PlaybookState> {
  const response = state.response ?? { ...NEW_RESPONSE, id, cause, since: at, reason };
  switch (action.do) {
    case 'ask': {
      const { step, until, otherwise } = action;
      return { response: { ...response, asked: { id, step, until, otherwise, answer: null } } };
    }
    case 'answer':
      return { response: answered(response, action.approve) };
    case 'retrain': {
      const retrainedAt = [...state.retrainedAt, at];
      if (isDry)
        return {
          retrainedAt,
          response: null,
          past: [...state.past, { id, cause, outcome: 'dryRun', version: null, reason, at }],
        };
      return { retrainedAt, response: { ...response, retrain: action }, waits: new Map() };
    }
    case 'rollOut':
      return { response: { ...response, rollout: id } };
    case 'pass':
      return { response: { ...response, isPaired: true } };
    case 'end': {
      const past = { id: response.id, cause, outcome: action.outcome, version: action.version, reason, at };
      const { lacked } = response;
      return { response: null, past: [...state.past, lacked === undefined ? past : { ...past, lacked }] };
    }
    default:
      return {};
  }
}

const NEW_RESPONSE = {
  asked: null,
  approved: [],
  retrain: null,
  version: null,
  gate: null,
  rollout: null,
  isPaired: false,
  failure: null,
} as const;

function answered(response: Response, approve: boolean): Response {
  const { asked } = response;
  if (asked === null) return response;
  return {
    ...response,
    asked: { ...asked, answer: approve ? 'approve' : 'deny' },
    approved: approve ? [...response.approved, asked.step] : response.approved,
  };
}

function withAnswer(state: PlaybookState, { decision, approve }: Answered): PlaybookState {
  const { response } = state;
  return response?.asked?.id === decision ? { ...state, response: answered(response, approve) } : state;
}

function withOutcome(state: PlaybookState, { decision, isDone, result }: Finished): PlaybookState {
  const decided = state.pending.find(({ id }) => id === decision);
  const next = { ...state, pending: state.pending.filter(({ id }) => id !== decision) };
  const { response } = state;
  if (decided?.action.do === 'tryRemedy')
    return { ...next, stopped: stoppedAfterTrial(state.stopped, decided, { isDone, result }) };
  if (decided === undefined || response === null) return next;
  const message = String(result['message'] ?? '');
  switch (decided.action.do) {
    case 'retrain':
      if (result['code'] === 'PLAYBOOK_ROWS')
        return {
          ...next,
          retrainedAt: state.retrainedAt.slice(0, -1),
          response: { ...response, failure: message, lacked: lackedOf(decided.action, result) },
        };
      return {
        ...next,
        response: isDone ? { ...response, version: Number(result['version']) } : { ...response, failure: message },
      };
    case 'gate':
      return {
        ...next,
        response: isDone ? { ...response, gate: gateOf(result) } : { ...response, failure: message },
      };
    case 'rollOut':
      return isDone ? next : { ...next, response: { ...response, failure: message } };
    default:
      return next;
  }
}

function lackedOf({ between }: Extract<PlaybookAction, { do: 'retrain' }>, { rows }: Finished['result']): LackedRows {
  return { rows: typeof rows === 'number' ? rows : null, to: between.to };
}

function gateOf({ isPassed, reason, explained }: Finished['result']): Response['gate'] {
  const moved = explained === undefined ? {} : { explained: explained as ExplainedMove };
  return { isPassed: isPassed === true, reason: String(reason), ...moved };
}

/** Spans whose rows are not learned from. A person may allow those of an open fault that is in some rows alone. */
export function faultySpans({ stopped }: PlaybookState, now: number, isAllowed = false) {
  const left = isAllowed ? stopped.filter(({ to, rows }) => to !== null || rows === 'all') : stopped;
  return left.map(({ from, to }) => ({ from, to: to ?? now }));
}
