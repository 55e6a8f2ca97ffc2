import type { AlertDelivery, AlertStore, KeptIncident, Silence } from '../../ports/alert-store.ts';

/** A message that a sink has not accepted. */
export interface Undelivered {
  readonly incident: number;
  readonly sink: string;
  /** `dead`: given up, until it is retried or the incident changes. */
  readonly state: AlertDelivery['state'];
  readonly attempts: number;
  readonly dueAt: number;
  readonly failingSince: number | null;
  readonly error: string | null;
}

/** Incidents and their deliveries, for a person or a program. */
export interface AlertsReport {
  /** Open ones, the oldest first: the newest 200 at most. */
  readonly open: readonly KeptIncident[];
  readonly openCount: number;
  /** The newest resolved ones, the newest first. */
  readonly resolved: readonly KeptIncident[];
  /** Messages that wait or were given up, by incident: 200 at most. */
  readonly undelivered: readonly Undelivered[];
  readonly silences: readonly Silence[];
}

const NEWEST = 100;
const MOST_OPEN = 200;
const MOST_UNDELIVERED = 200;

/** Errors: those of the store. */
export async function alertsReport(store: AlertStore, now: number): Promise<AlertsReport> {
  return {
    open: (await store.newest(MOST_OPEN, { isOpen: true })).toReversed(),
    openCount: await store.openCount(),
    resolved: await store.newest(NEWEST, { isOpen: false }),
    undelivered: (await store.unsettled(MOST_UNDELIVERED)).map(undelivered),
    silences: await store.silences(now),
  };
}

/** A delivery without the marks of its sender. */
export function undelivered(delivery: AlertDelivery): Undelivered {
  const { incident, sink, state, attempts, dueAt, failingSince, error } = delivery;
  return { incident, sink, state, attempts, dueAt, failingSince, error };
}

/** The lines of `headrace alerts list`. */
export function alertsLines(report: AlertsReport): readonly string[] {
  const { open, openCount, resolved, undelivered: unsent, silences } = report;
  return [
    ...(openCount > open.length ? [`${openCount - open.length} older incidents are open`] : []),
    ...(open.length === 0 ? ['no open incident'] : open.map(incidentLine)),
    ...resolved.slice(0, 10).map(incidentLine),
    ...unsent.map(
      ({ incident, sink, state, attempts, dueAt, error }) =>
        `${state === 'dead' ? 'given up' : 'waits'}: incident ${incident} to ${sink}, ${attempts} attempts${state === 'dead' ? '' : `, next ${new Date(dueAt).toISOString()}`}${error === null ? '' : `: ${error}`}`,
    ),
    ...silences.map(
      ({ id, model, kind, slice, fingerprint, until, by, reason }) =>
        `silence ${id}: ${[model, kind, slice, fingerprint].filter((one) => one !== null).join(', ') || 'everything'} until ${new Date(until).toISOString()} by ${by}: ${reason}`,
    ),
  ];
}

function incidentLine({ no, state, severity, model, kind, summary, openedAt }: KeptIncident): string {
  return `${String(no).padEnd(5)} ${state.padEnd(12)} ${severity.padEnd(7)} ${new Date(openedAt).toISOString()} ${model} ${kind}: ${summary}`;
}
