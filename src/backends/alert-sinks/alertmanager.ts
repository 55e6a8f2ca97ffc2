import type { AlertMessage, AlertSink, SentIncident } from '../../ports/alert-sink.ts';
import type { IncidentSeverity } from '../../ports/incident.ts';
import { incidentAlert } from '../../ports/runbook.ts';
import { postJson } from './post-json.ts';

export interface AlertmanagerOptions {
  readonly url: string;
  readonly repeatMs: number;
  readonly token: string | null;
  readonly timeoutMs: number;
}

/** An alert ends by itself when it is not sent again for this many repetitions. */
const MISSED_REPEATS = 4;

/**
 * Posts alerts to Alertmanager's API v2. An open incident is sent again and again, with an end in the near future; the end of a
 * resolved one is its own. An alert is known by its labels, so one that changed its severity ends, and another begins.
 */
export function alertmanagerSink({ url, repeatMs, token, timeoutMs }: AlertmanagerOptions): AlertSink {
  const address = `${url.replace(/\/$/, '')}/api/v2/alerts`;
  return {
    capabilities: { digests: false, repeatMs },
    send: (message, signal) => {
      const body = JSON.stringify(message.incidents.flatMap((incident) => alertsOf(message, incident, repeatMs)));
      const headers = token === null ? {} : { authorization: `Bearer ${token}` };
      return postJson({ url: address, headers, body, signal, timeoutMs });
    },
    close: () => undefined,
  };
}

function alertsOf(message: AlertMessage, incident: SentIncident, repeatMs: number) {
  const isOver = message.action === 'resolved';
  const endsAt = isOver ? (incident.resolution?.at ?? message.at) : message.at + MISSED_REPEATS * repeatMs;
  const others = incident.severities.filter((severity) => severity !== incident.severity);
  return [
    alertOf(message, incident, incident.severity, endsAt),
    ...[...new Set(others)].map((severity) => alertOf(message, incident, severity, Math.min(endsAt, message.at))),
  ];
}

function alertOf(message: AlertMessage, incident: SentIncident, severity: IncidentSeverity, endsAt: number) {
  const { kind, model, tier, slice, owner, fingerprint, no } = incident;
  return {
    labels: {
      alertname: incidentAlert(kind),
      project: message.project,
      namespace: message.namespace,
      model,
      severity,
      cause: fingerprint,
      incident: String(no),
      ...(tier === null ? {} : { tier: String(tier) }),
      ...(slice === null ? {} : { slice }),
      ...(owner === null ? {} : { owner }),
    },
    annotations: { summary: message.title, description: message.lines.join('\n') },
    startsAt: new Date(incident.openedAt).toISOString(),
    // An end before the beginning is refused.
    endsAt: new Date(Math.max(endsAt, incident.openedAt + 1)).toISOString(),
    ...(message.link === null ? {} : { generatorURL: message.link }),
  };
}
