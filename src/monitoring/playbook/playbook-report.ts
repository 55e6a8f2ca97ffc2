import type { PlaybookPlan } from '../../features/define/playbook.ts';
import type { PlaybookEntry } from '../../ports/playbook-store.ts';
import type { Replay } from './replay.ts';
import type { PlaybookState } from './state.ts';

/** Responses that are over, of which a report has the newest. */
const PAST = 10;

const MONTH_MS = 30 * 86_400_000;

/** A playbook as JSON. Instants are epoch ms. */
export interface PlaybookReport {
  readonly model: string;
  readonly mode: PlaybookPlan['mode'];
  readonly step: string;
  /** Entries of the journal. */
  readonly revision: number;
  readonly champion: number | null;
  readonly frozen: PlaybookState['frozen'];
  /** A question to a person; null: none waits. */
  readonly waiting: {
    readonly step: string;
    readonly until: number;
    readonly otherwise: string;
    readonly reason: string;
  } | null;
  readonly response: {
    readonly id: string;
    readonly cause: string;
    readonly since: number;
    readonly version: number | null;
    readonly rollout: string | null;
  } | null;
  readonly stopped: PlaybookState['stopped'];
  readonly incidents: readonly {
    readonly fingerprint: string;
    readonly severity: string;
    readonly at: number;
    readonly summary: string;
  }[];
  /** Decisions without an outcome. */
  readonly pending: readonly string[];
  readonly trainings: { readonly last: number | null; readonly inMonth: number; readonly perMonth: number | null };
  /** The newest last. */
  readonly past: PlaybookState['past'];
}

export function playbookReport(
  model: string,
  { mode, retrain }: PlaybookPlan,
  state: PlaybookState,
  now: number,
): PlaybookReport {
  const { response, frozen, stopped, incidents, pending, retrainedAt, past, revision, observed } = state;
  const asked = waitingFor(state) === null ? null : (response?.asked ?? null);
  return {
    model,
    mode,
    step: stepOf(state),
    revision,
    champion: observed?.champion ?? null,
    frozen,
    waiting:
      asked === null
        ? null
        : { step: asked.step, until: asked.until, otherwise: asked.otherwise, reason: response?.reason ?? '' },
    response:
      response === null
        ? null
        : {
            id: response.id,
            cause: response.cause,
            since: response.since,
            version: response.version,
            rollout: response.rollout,
          },
    stopped: stopped.filter(({ to }) => to === null),
    incidents: [...incidents.values()].map(({ fingerprint, severity, at, summary }) => ({
      fingerprint,
      severity,
      at,
      summary,
    })),
    pending: pending.map(({ id, action }) => `${id} ${action.do}`),
    trainings: {
      last: retrainedAt.at(-1) ?? null,
      inMonth: retrainedAt.filter((at) => now - at < MONTH_MS).length,
      perMonth: retrain?.perMonth ?? null,
    },
    past: past.slice(-PAST),
  };
}

/** The lines of a report, for people. */
export function reportLines(report: PlaybookReport): readonly string[] {
  const { model, mode, step, champion, frozen, waiting, trainings } = report;
  return [
    `${model}: ${step}${mode === 'dryRun' ? ' (dry run)' : ''}, champion ${champion ?? 'none'}`,
    ...(frozen === null ? [] : [`frozen since ${instant(frozen.at)} by ${frozen.by}: ${frozen.reason}`]),
    ...(waiting === null
      ? []
      : [
          `approve or deny the ${waiting.step} until ${instant(waiting.until)}, otherwise ${waiting.otherwise}: ${waiting.reason}`,
        ]),
    ...report.stopped.map(({ feature, from, cause }) => `stopped ${feature} since ${instant(from)}: ${cause}`),
    ...report.incidents.map(({ severity, at, summary }) => `${severity.padEnd(6)} ${instant(at)} ${summary}`),
    `trainings: ${trainings.inMonth} of ${trainings.perMonth ?? 0} in 30 days, the last ${trainings.last === null ? 'never' : instant(trainings.last)}`,
    ...report.past.map(
      ({ outcome, version, reason, at }) => `${instant(at)} ${outcome} version ${version ?? '-'}: ${reason}`,
    ),
  ];
}

/** The decision log: one line an entry that somebody decided or said, in the order of the journal. */
export function logLines(entries: readonly PlaybookEntry[]): readonly string[] {
  return entries.flatMap((entry) => {
    const head = `${instant(entry.at)} ${String(entry.revision).padStart(4)}`;
    switch (entry.kind) {
      case 'decided':
        return [`${head} tier ${entry.tier} ${actionText(entry)}: ${entry.reason}`];
      case 'finished':
        return entry.isDone ? [] : [`${head} ${entry.decision} failed: ${String(entry.result['message'])}`];
      case 'answered':
        return [`${head} ${entry.by} ${entry.approve ? 'approved' : 'denied'} ${entry.decision}: ${entry.reason}`];
      case 'accepted':
        return [`${head} ${entry.by} accepted ${entry.features.join(', ')}: ${entry.reason}`];
      case 'frozen':
      case 'thawed':
        return [`${head} ${entry.by} ${entry.kind === 'frozen' ? 'froze' : 'thawed'} it: ${entry.reason}`];
      default:
        return [];
    }
  });
}

/** A replay, for people. */
export function replayLines(
  model: string,
  { entries, decisions, different, changedInputs }: Replay,
): readonly string[] {
  return [
    `${model}: ${decisions} decisions of ${entries} entries decided again, ${different.length} differ`,
    ...different.flatMap(({ revision, written, decided }) => [
      `entry ${revision}: written ${written.join(' ')}`,
      `entry ${revision}: decided ${decided.join(' ')}`,
    ]),
    ...(changedInputs === null
      ? []
      : [`${changedInputs.length} observations find something else in the history of today`]),
    ...(changedInputs ?? []).map(({ revision, at }) => `entry ${revision}: the monitors as of ${instant(at)} changed`),
  ];
}

export function actionText({ action }: Extract<PlaybookEntry, { kind: 'decided' }>): string {
  switch (action.do) {
    case 'openIncident':
      return `open ${action.incident.fingerprint} (${action.incident.severity})`;
    case 'resolveIncident':
      return `resolve ${action.fingerprint}`;
    case 'stopFeatures':
      return `stop ${action.features.join(', ')}`;
    case 'releaseFeatures':
      return `release ${action.features.join(', ')}`;
    case 'audit':
      return `draw ${action.size} predictions`;
    case 'ask':
      return `ask for the ${action.step}`;
    case 'answer':
      return `${action.approve ? 'approve' : 'deny'} the ${action.step}, unanswered`;
    case 'gate':
      return `compare version ${action.version} with ${action.champion}`;
    case 'rollOut':
      return `roll out version ${action.version}`;
    case 'rollBack':
      return `roll back ${action.rollout}`;
    case 'pass':
      return `let ${action.rollout} out of the shadow`;
    case 'end':
      return `end ${action.outcome}`;
    case 'wait':
      return `wait (${action.why})`;
    default:
      return action.do;
  }
}

function instant(at: number): string {
  return new Date(at).toISOString().slice(0, 16).replace('T', ' ');
}

/** The step that waits for a person; null: none. */
export function waitingFor({ response }: PlaybookState): string | null {
  const asked = response?.asked;
  return asked === null || asked === undefined || asked.answer !== null ? null : asked.step;
}

/** Where a playbook stands, in a word or two. */
export function stepOf(state: PlaybookState): string {
  const { response, pending } = state;
  if (response === null) return 'watches';
  if (waitingFor(state) !== null) return `waits for the approval of the ${waitingFor(state)}`;
  if (response.retrain === null) return 'is about to train';
  if (response.version === null) return 'trains';
  if (response.gate === null) return `compares version ${response.version}`;
  return response.rollout === null || pending.some(({ action }) => action.do === 'rollOut')
    ? `is about to roll out version ${response.version}`
    : `rolls out version ${response.version}`;
}
