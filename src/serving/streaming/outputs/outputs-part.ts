import { type PartKind, samplesBy } from '../../../observe/part-kind.ts';
import type { OutputTarget } from './stream-outputs.ts';

/** A target as its part reads it. */
export type MeasuredTarget = Pick<OutputTarget, 'stream' | 'kind' | 'name' | 'feed'> & {
  readonly reader: Pick<OutputTarget['reader'], 'waiting' | 'counts' | 'trouble'>;
};

/** Where outputs go, as `GET /v1/status` has it. */
export interface OutputsStatus {
  readonly streamOutputs: readonly {
    readonly stream: string;
    readonly kind: 'source' | 'sink';
    readonly name: string;
    /** Outputs that it has not taken. */
    readonly waiting: number;
    readonly taken: number;
    /** Outputs that were gone before it took them. */
    readonly lost: number;
    /** Scores that came too late after their event; of a source. */
    readonly late: number;
    readonly trouble: string | null;
  }[];
}

/** The outputs of streams on their way to sources and sinks. */
export const outputsPart: PartKind<() => readonly MeasuredTarget[], OutputsStatus> = {
  name: 'stream outputs',
  figures: [
    {
      name: 'headrace_stream_outputs_waiting',
      type: 'gauge',
      unit: 'records',
      labels: ['stream', 'to'],
      help: 'Outputs of a stream that a source of scores or a sink has not taken yet.',
      read: (targets) => targets().map(({ stream, name, reader }) => [{ stream, to: name }, reader.waiting] as const),
    },
    {
      name: 'headrace_stream_outputs_total',
      type: 'counter',
      unit: 'records',
      labels: ['stream', 'to', 'outcome'],
      help: 'Outputs of a stream since the start by outcome: taken, repeat (of an event that has its score), lost (dropped from the log before), and of a source late, eventless (its event was forgotten) or unfit (beyond the digits of the column).',
      read: (targets) =>
        targets().flatMap(({ stream, name, reader, feed }) =>
          samplesBy({ stream, to: name }, 'outcome', { ...reader.counts, ...feed?.counts }),
        ),
    },
  ],
  health: (targets) =>
    targets().flatMap(({ stream, kind, name, reader, feed }) => {
      const to = `${kind} ${name}`;
      const { lost } = reader.counts;
      const late = feed?.counts.late ?? 0;
      const unfit = feed?.counts.unfit ?? 0;
      const { now } = reader.trouble;
      return [
        ...(now === null ? [] : [`${reader.waiting} outputs of stream ${stream} wait for ${to}: ${now.message}`]),
        ...(lost === 0 ? [] : [`${lost} outputs of stream ${stream} were gone before ${to} took them`]),
        ...(late === 0 ? [] : [`${late} scores of stream ${stream} came too late to count in ${to}`]),
        ...(unfit === 0 ? [] : [`${unfit} scores of stream ${stream} have too many digits for ${to}`]),
      ];
    }),
  status: (targets) => ({
    streamOutputs: targets().map(({ stream, kind, name, reader, feed }) => ({
      stream,
      kind,
      name,
      waiting: reader.waiting,
      taken: reader.counts.taken,
      lost: reader.counts.lost,
      late: feed?.counts.late ?? 0,
      trouble: reader.trouble.now?.message ?? null,
    })),
  }),
  lines: ({ streamOutputs }) =>
    streamOutputs.map(({ stream, kind, name, waiting, taken, trouble }) => {
      const away = trouble === null ? '' : `; ${trouble}`;
      return `outputs of stream ${stream} to ${kind} ${name}: ${taken} taken, ${waiting} wait${away}`;
    }),
};
