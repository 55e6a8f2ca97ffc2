import type { EventSourceData } from '../../features/define/declaration.ts';
import type { AdmissionCounters } from '../../features/engine/admission.ts';
import { AGE_BOUNDS_S, LATENCY_BOUNDS_S } from '../../observe/bounds.ts';
import { durationText } from '../../observe/duration-text.ts';
import { type PartKind, samplesBy } from '../../observe/part-kind.ts';
import type { ServingMeasures } from '../../observe/serving-measures.ts';
import type { GatewayCounters } from './gateway.ts';

/** The number of deliveries of a source since the process started, by outcome. */
export interface SourceCounters {
  readonly gateway: Readonly<GatewayCounters>;
  readonly admission: Readonly<AdmissionCounters>;
}

export interface IngestSource {
  readonly measures: ServingMeasures;
  readonly counters: (source: EventSourceData) => SourceCounters;
  readonly unwritten: () => Unwritten;
  /** The fault that keeps a store over a network from having all of the log; null: none. */
  readonly storeTrouble: () => Error | null;
}

/** Where a partition of a source has events that are not in the online store. */
export interface UncommittedPlace {
  readonly source: string;
  readonly partition: number;
  /** The first of them. */
  readonly offset: number;
  readonly events: number;
}

/** Accepted events that are not in every store, as far as is known without a request. */
export interface Unwritten {
  readonly uncommitted: readonly UncommittedPlace[];
  /** Events that wait for the history. */
  readonly unpublished: number;
  /** Sampled vectors that wait for the history: they are in memory alone. */
  readonly vectors: number;
}

export interface SourceStatus {
  readonly source: string;
  readonly accepted: number;
  readonly duplicate: number;
  readonly late: number;
  readonly refused: number;
  readonly quarantined: number;
  /** From event time to arrival, ms; null before the first. */
  readonly latenessP50Ms: number | null;
  readonly latenessP99Ms: number | null;
}

export interface IngestStatus {
  readonly sources: readonly SourceStatus[];
}

/** The events of every source: outcomes, lateness, time until they are servable. */
export const ingestPart: PartKind<IngestSource, IngestStatus> = {
  name: 'ingest',
  figures: [
    {
      name: 'headrace_event_servable_seconds',
      type: 'histogram',
      unit: 's',
      labels: ['source'],
      help: 'From the arrival of a call of events to their first possible read',
      boundsS: LATENCY_BOUNDS_S,
      read: ({ measures }) =>
        [...measures.sources.values()].map(({ source, servable }) => [{ source: source.name }, servable]),
    },
    {
      name: 'headrace_event_lateness_seconds',
      type: 'histogram',
      unit: 's',
      labels: ['source'],
      help: 'From the time of an event to its arrival',
      boundsS: AGE_BOUNDS_S,
      read: ({ measures }) =>
        [...measures.sources.values()].map(({ source, lateness }) => [{ source: source.name }, lateness]),
    },
    {
      name: 'headrace_events_ahead_total',
      type: 'counter',
      unit: 'events',
      labels: ['source'],
      help: 'Events whose time was after their arrival',
      read: ({ measures }) =>
        [...measures.sources.values()].map(({ source, ahead }) => [{ source: source.name }, ahead]),
    },
    {
      name: 'headrace_events_total',
      type: 'counter',
      unit: 'events',
      labels: ['source', 'outcome'],
      help: 'Events by what became of them: sent, refused, quarantined, accepted, duplicate, future, late',
      alerts: [
        {
          name: 'HeadraceEventsRefused',
          expr: 'increase(headrace_events_total{outcome=~"refused|quarantined"}[15m]) > 0',
          for: '15m',
          severity: 'ticket',
          summary:
            'Events of {{ $labels.source }} are {{ $labels.outcome }}. Run `headrace features report` for the reasons.',
        },
      ],
      read: ({ measures, counters }) =>
        [...measures.sources.values()].flatMap(({ source }) => {
          const { gateway, admission } = counters(source);
          const { sent, refused, quarantined } = gateway;
          return samplesBy({ source: source.name }, 'outcome', { sent, refused, quarantined, ...admission });
        }),
    },
  ],
  health: ({ storeTrouble }) => {
    const trouble = storeTrouble();
    return trouble === null ? [] : [`events wait in the log for the online store: ${trouble.message}`];
  },
  left: ({ unwritten }) => {
    const { uncommitted, unpublished, vectors } = unwritten();
    return [
      ...[...Map.groupBy(uncommitted, ({ source }) => source)].map(uncommittedText),
      ...(unpublished > 0 ? [`${unpublished} events and tiles that wait for the history`] : []),
      ...(vectors > 0 ? [`${vectors} logged vectors of the skew audit, which no log has`] : []),
    ];
  },
  status: ({ measures, counters }) => ({
    sources: [...measures.sources.values()].map(({ source, lateness }) => {
      const { gateway, admission } = counters(source);
      return {
        source: source.name,
        accepted: admission.accepted,
        duplicate: admission.duplicate,
        late: admission.late,
        refused: gateway.refused,
        quarantined: gateway.quarantined,
        latenessP50Ms: lateness.percentile(0.5),
        latenessP99Ms: lateness.percentile(0.99),
      };
    }),
  }),
  lines: ({ sources }) => ['sources', ...sources.map(sourceLine)],
};

function uncommittedText([source, places]: readonly [string, readonly UncommittedPlace[]]): string {
  const events = places.reduce((sum, place) => sum + place.events, 0);
  const from = places.map(({ partition, offset }) => `partition ${partition} from offset ${offset}`);
  return `${events} events of ${source} that are not in the online store (${from.join(', ')})`;
}

function sourceLine(source: SourceStatus): string {
  const { accepted, duplicate, late, refused, quarantined, latenessP50Ms, latenessP99Ms } = source;
  const arrived = `p50 ${durationText(latenessP50Ms)}, p99 ${durationText(latenessP99Ms)} after their time`;
  return `  ${source.source}: ${accepted} accepted, ${duplicate} duplicate, ${late} late, ${refused} refused, ${quarantined} quarantined; ${arrived}`;
}
