import type { PartKind } from '../../observe/part-kind.ts';
import type { AlertDelivery, KeptIncident, Silence, SinkCounts } from '../../ports/alert-store.ts';

/** Incidents as `GET /v1/status` has them. */
export interface AlertsStatus {
  readonly alerts: {
    readonly open: number;
    readonly waiting: number;
    /** Messages that were given up. */
    readonly dead: readonly { readonly incident: number; readonly sink: string; readonly error: string | null }[];
    readonly silences: number;
    /** Why the incidents cannot be read now: the counts are then those of before; null: they can. */
    readonly trouble: string | null;
  };
}

/** Incidents and deliveries as they were read last. */
export interface AlertsSeen {
  readonly active: readonly KeptIncident[];
  /** Deliveries that wait or are dead. */
  readonly unsettled: readonly AlertDelivery[];
  readonly counts: readonly SinkCounts[];
  readonly silences: readonly Silence[];
}

export const NO_ALERTS: AlertsSeen = { active: [], unsettled: [], counts: [], silences: [] };

/** The source of the part. */
export interface AlertsSource {
  seen(): AlertsSeen;
  /** Why the incidents cannot be read; null: they can. */
  trouble(): string | null;
}

/** Incidents and their deliveries. */
export const alertsPart: PartKind<AlertsSource, AlertsStatus> = {
  name: 'alerts',
  figures: [
    {
      name: 'headrace_incidents_open',
      type: 'gauge',
      unit: 'incidents',
      labels: ['model', 'kind', 'severity', 'state'],
      help: 'Incidents that are open or acknowledged',
      read: ({ seen }) => {
        const counts = new Map<string, readonly [Readonly<Record<string, string>>, number]>();
        for (const { model, kind, severity, state } of seen().active) {
          const labels = { model, kind, severity, state };
          const key = JSON.stringify(labels);
          counts.set(key, [labels, (counts.get(key)?.[1] ?? 0) + 1]);
        }
        return [...counts.values()];
      },
    },
    {
      name: 'headrace_alert_deliveries',
      type: 'gauge',
      unit: 'messages',
      labels: ['sink', 'state'],
      help: 'Messages that a sink has not accepted: waiting, or dead after they were given up',
      alerts: [
        {
          name: 'HeadraceAlertsUndelivered',
          expr: 'headrace_alert_deliveries{state="dead"} > 0',
          for: '0s',
          severity: 'ticket',
          summary:
            'Sink {{ $labels.sink }} did not take {{ $value }} messages. Repair it, then run `headrace alerts retry`.',
        },
      ],
      read: ({ seen }) => {
        const { unsettled } = seen();
        const sinks = [...new Set(unsettled.map(({ sink }) => sink))];
        return sinks.flatMap((sink) =>
          (['waiting', 'dead'] as const).map(
            (state) =>
              [{ sink, state }, unsettled.filter((one) => one.sink === sink && one.state === state).length] as const,
          ),
        );
      },
    },
    {
      name: 'headrace_alert_messages_total',
      type: 'counter',
      unit: 'messages',
      labels: ['sink', 'outcome'],
      help: 'Messages to a sink by outcome: accepted, failed attempts, dead, silenced, and limited by its rate',
      read: ({ seen }) => seen().counts.map(({ sink, outcome, count }) => [{ sink, outcome }, count]),
    },
  ],
  health: ({ seen, trouble }) => {
    const away = trouble();
    const dead = seen().unsettled.filter(({ state }) => state === 'dead');
    const sinks = [...new Set(dead.map(({ sink }) => sink))];
    return [
      ...(away === null ? [] : [`the incidents cannot be read: ${away}`]),
      ...sinks.map((sink) => {
        const own = dead.filter((one) => one.sink === sink);
        return `${own.length} alerts were not delivered to sink ${sink}: ${own.at(-1)?.error ?? 'no reason is known'}`;
      }),
    ];
  },
  status: ({ seen, trouble }) => {
    const { active, unsettled, silences } = seen();
    return {
      alerts: {
        open: active.length,
        waiting: unsettled.filter(({ state }) => state === 'waiting').length,
        dead: unsettled
          .filter(({ state }) => state === 'dead')
          .map(({ incident, sink, error }) => ({ incident, sink, error })),
        silences: silences.length,
        trouble: trouble(),
      },
    };
  },
  lines: ({ alerts: { open, waiting, dead, silences, trouble } }) => [
    ...(trouble === null ? [] : [`alerts    cannot be read: ${trouble}`]),
    ...(open + waiting + dead.length + silences === 0
      ? []
      : [
          `alerts    ${open} incidents open, ${waiting} messages waiting, ${dead.length} given up, ${silences} silences`,
        ]),
    ...dead.map(({ incident, sink, error }) => `  given up: incident ${incident} to ${sink}: ${error ?? ''}`),
  ],
};
