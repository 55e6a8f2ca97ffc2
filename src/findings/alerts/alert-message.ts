import { createHash } from 'node:crypto';
import type { AlertAction, AlertMessage, SentIncident } from '../../ports/alert-sink.ts';
import type { AlertDelivery, KeptIncident } from '../../ports/alert-store.ts';
import { consoleAddress, driftPlace } from '../../ports/console-address.ts';
import { incidentAlert, runbookLink } from '../../ports/runbook.ts';

/** Where the incidents are from. */
export interface AlertPlace {
  readonly project: string;
  readonly namespace: string;
  /** Begins links; null: messages have none. */
  readonly link: string | null;
}

/** Longest id: that of a dedup key of PagerDuty. */
const LONGEST_ID = 255;

/** Incidents of a digest that are written out. */
const MOST_LISTED = 50;

const WORDS: Readonly<Record<AlertAction, string>> = {
  opened: 'Opened',
  updated: 'Changed',
  acknowledged: 'Acknowledged',
  resolved: 'Resolved',
  repeated: 'Open',
  digest: 'Digest',
};

/**
 * The next message to a sink about an incident, and the revision that the sink knows then. A resolved incident is opened first. An
 * opening that was tried before may have arrived as it was then, so later changes are sent after it.
 */
export function nextMessage(
  incident: KeptIncident,
  { accepted, wanted, tried }: Pick<AlertDelivery, 'accepted' | 'wanted' | 'tried'>,
): { readonly action: AlertAction; readonly revision: number } {
  const { revision, state } = incident;
  if (accepted === 0) {
    const known = tried === 0 ? revision : Math.min(tried, revision);
    return { action: 'opened', revision: state === 'resolved' ? Math.min(known, revision - 1) : known };
  }
  if (accepted >= wanted) return { action: 'repeated', revision };
  if (state === 'resolved') return { action: 'resolved', revision };
  return { action: state === 'acknowledged' ? 'acknowledged' : 'updated', revision };
}

/** The message about one incident. */
export function incidentMessage(
  place: AlertPlace,
  incident: KeptIncident,
  { action, revision }: { readonly action: AlertAction; readonly revision: number },
  at: number,
): AlertMessage {
  const sent = sentIncident(place, incident);
  return {
    // An incident opens and ends once, whatever its content was at each attempt.
    key: action === 'opened' || action === 'resolved' ? `${sent.id}/${action}` : `${sent.id}/${revision}/${action}`,
    action,
    at,
    project: place.project,
    namespace: place.namespace,
    title: titleOf(incident, action),
    lines: [...linesOf(incident), ...runbookLines(place, incident)],
    link: place.link === null ? null : consoleAddress(place.link, driftPlace(incident.model, incident.no)),
    incidents: [sent],
  };
}

/** One message about many incidents. Its key names all of them with their revisions. */
export function digestMessage(
  place: AlertPlace,
  incidents: readonly [KeptIncident, ...KeptIncident[]],
  at: number,
): AlertMessage {
  const [first, ...others] = incidents;
  const open = incidents.filter(({ state }) => state !== 'resolved').length;
  const names = incidents.map((one) => `${sentIncident(place, one).id}/${one.revision}`);
  const lines = incidents
    .slice(0, MOST_LISTED)
    .map((one) => titleOf(one, one.state === 'resolved' ? 'resolved' : 'opened'));
  const rest = incidents.length - lines.length;
  return {
    key: `${place.project}/${place.namespace}/digest/${createHash('sha256').update(names.join('\n')).digest('hex').slice(0, 32)}`,
    action: 'digest',
    at,
    project: place.project,
    namespace: place.namespace,
    title: `Digest of ${place.project}: ${incidents.length} incidents, ${open} open`,
    lines: rest === 0 ? lines : [...lines, `and ${rest} more`],
    link: place.link === null ? null : consoleAddress(place.link),
    incidents: [sentIncident(place, first), ...others.map((one) => sentIncident(place, one))],
  };
}

/** The incident with its id, which stays the same as long as the incident exists. */
function sentIncident({ project, namespace }: AlertPlace, incident: KeptIncident): SentIncident {
  const id = `${project}/${namespace}/${incident.fingerprint}/${incident.no}`;
  if (id.length <= LONGEST_ID) return { ...incident, id };
  const digest = createHash('sha256').update(id).digest('hex');
  return { ...incident, id: `${id.slice(0, LONGEST_ID - digest.length - 1)}/${digest}` };
}

function titleOf({ model, severity, summary, slice }: KeptIncident, action: AlertAction): string {
  const of = slice === null ? model : `${model}, ${slice}`;
  return `${WORDS[action]} [${severity}] ${of}: ${summary}`;
}

function linesOf(incident: KeptIncident): readonly string[] {
  const { kind, tier, owner, openedAt, at, acknowledgedBy, resolution, evidence } = incident;
  return [
    `Kind: ${kind}${tier === null ? '' : `, tier ${tier}`}${owner === null ? '' : `. Owner: ${owner}`}`,
    `Opened ${new Date(openedAt).toISOString()}, last seen ${new Date(at).toISOString()}`,
    ...(acknowledgedBy === null ? [] : [`Acknowledged by ${acknowledgedBy}`]),
    ...(resolution === null ? [] : [`Resolved ${new Date(resolution.at).toISOString()}: ${resolution.reason}`]),
    ...Object.entries(evidence).map(([name, value]) => `${name}: ${shown(value)}`),
  ];
}

function runbookLines({ link }: AlertPlace, { kind }: KeptIncident): readonly string[] {
  return link === null ? [] : [`Runbook: ${runbookLink(incidentAlert(kind), link)}`];
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length <= 500 ? text : `${text.slice(0, 499)}…`;
}
