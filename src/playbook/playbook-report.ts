import type { PlaybookPlan } from '../features/define/playbook.ts';
import { minuteText } from '../monitoring/cause/decision-text.ts';
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
    ...(frozen === null ? [] : [`frozen since ${minuteText(frozen.at)} by ${frozen.by}: ${frozen.reason}`]),
    ...(waiting === null
      ? []
      : [
          `approve or deny the ${waiting.step} until ${minuteText(waiting.until)}, otherwise ${waiting.otherwise}: ${waiting.reason}`,
        ]),
    ...report.stopped.map(
      ({ feature, from, cause, remedy }) =>
        `stopped ${feature} since ${minuteText(from)}, declared value ${remedy.state}: ${cause}`,
    ),
    ...report.incidents.map(({ severity, at, summary }) => `${severity.padEnd(6)} ${minuteText(at)} ${summary}`),
    `trainings: ${trainings.inMonth} of ${trainings.perMonth ?? 0} in 30 days, the last ${trainings.last === null ? 'never' : minuteText(trainings.last)}`,
    ...report.past.map(
      ({ outcome, version, reason, at }) => `${minuteText(at)} ${outcome} version ${version ?? '-'}: ${reason}`,
    ),
  ];
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
    ...(changedInputs ?? []).map(
      ({ revision, at }) => `entry ${revision}: the monitors as of ${minuteText(at)} changed`,
    ),
  ];
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
