import { type PartKind, samplesBy } from '../../observe/part-kind.ts';
import type { Sample } from '../../ports/part.ts';
import type { RecordCounts } from './record-counts.ts';
import type { StreamStatus } from './stream-status.ts';

/** An open stream, as its part reads it. */
export interface MeasuredStream {
  readonly data: { readonly name: string };
  readonly status: StreamStatus;
  readonly counts: RecordCounts;
  degraded(): readonly string[];
}

/** Its share of `GET /v1/status`. */
export interface StreamsStatus {
  readonly streams: Readonly<Record<string, StreamStatus & { readonly counts: RecordCounts }>>;
}

/** Streams of predictions. */
export const streamsPart: PartKind<() => readonly MeasuredStream[], StreamsStatus> = {
  name: 'streams',
  figures: [
    {
      name: 'headrace_stream_records_total',
      type: 'counter',
      unit: 'records',
      labels: ['stream', 'outcome'],
      help: 'Records of streams since the start; outcome: scored, rejected, or by the verdict of the source duplicate, late, future.',
      read: (streams) =>
        streams().flatMap(({ data: { name }, counts }) => samplesBy({ stream: name }, 'outcome', counts)),
    },
    {
      name: 'headrace_stream_waiting',
      type: 'gauge',
      unit: 'records',
      labels: ['stream'],
      help: 'Records of the input that a stream has not scored yet.',
      read: (streams) =>
        streams().map(({ data: { name }, status: { partitions } }): Sample => {
          return [{ stream: name }, partitions.reduce((sum, { waiting }) => sum + waiting, 0)];
        }),
    },
  ],
  health: (streams) => streams().flatMap((stream) => stream.degraded()),
  status: (streams) => ({
    streams: Object.fromEntries(streams().map(({ data, status, counts }) => [data.name, { ...status, counts }])),
  }),
  lines: ({ streams }) =>
    Object.entries(streams).map(([name, { model, partitions, rollingTo, shadow }]) => {
      const waiting = partitions.reduce((sum, one) => sum + one.waiting, 0);
      const versions = new Set(partitions.map(({ intervals }) => intervals.at(-1)?.version ?? 0));
      const rolling = rollingTo === null ? '' : `, rolls to ${rollingTo}`;
      const shadowed = shadow === null ? '' : `, shadow ${shadow}`;
      return `stream ${name}: ${model} version ${[...versions].join(', ') || 'none'}, ${waiting} records wait${rolling}${shadowed}`;
    }),
};
