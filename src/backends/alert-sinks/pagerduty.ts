import type { AlertMessage, AlertSink, SentIncident } from '../../ports/alert-sink.ts';
import { postJson } from './post-json.ts';

/** Characters of a summary (developer.pagerduty.com/docs/events-api-v2/trigger-events). */
const SUMMARY_CHARACTERS = 1_024;

const SEVERITIES = { page: 'critical', ticket: 'warning', digest: 'info' } as const;

const EVENTS: Readonly<Record<AlertMessage['action'], 'trigger' | 'acknowledge' | 'resolve'>> = {
  opened: 'trigger',
  updated: 'trigger',
  repeated: 'trigger',
  digest: 'trigger',
  acknowledged: 'acknowledge',
  resolved: 'resolve',
};

export interface PagerDutyOptions {
  readonly url: string;
  readonly routingKey: string;
  readonly timeoutMs: number;
}

/** Sends events of PagerDuty's Events API v2. The dedup key is the incident's id: a repetition joins the same incident. */
export function pagerDutySink({ url, routingKey, timeoutMs }: PagerDutyOptions): AlertSink {
  return {
    capabilities: { digests: false, repeatMs: null },
    send: (message, signal) => {
      const [incident] = message.incidents;
      const event = EVENTS[message.action];
      const body = {
        routing_key: routingKey,
        event_action: event,
        dedup_key: incident.id,
        client: 'Headrace',
        ...(message.link === null ? {} : { client_url: message.link }),
        ...(event === 'trigger' ? { payload: payloadOf(message, incident) } : {}),
      };
      return postJson({ url, body: JSON.stringify(body), signal, timeoutMs });
    },
    close: () => undefined,
  };
}

function payloadOf(message: AlertMessage, incident: SentIncident): Readonly<Record<string, unknown>> {
  return {
    summary: message.title.slice(0, SUMMARY_CHARACTERS),
    source: `${message.project}/${incident.model}`,
    severity: SEVERITIES[incident.severity],
    timestamp: new Date(incident.openedAt).toISOString(),
    component: incident.model,
    group: message.namespace,
    class: incident.kind,
    custom_details: {
      text: message.lines.join('\n'),
      tier: incident.tier,
      slice: incident.slice,
      owner: incident.owner,
      evidence: incident.evidence,
    },
  };
}
