import { setTimeout as sleep } from 'node:timers/promises';
import { fail } from '../../base/errors/fail.ts';
import type { EventSourceData, FeatureServiceData, StreamInferenceData } from '../../features/define/declaration.ts';
import type { LoggedTopic } from '../../featurestore/feature-store-options.ts';
import { topicOf } from '../../featurestore/ingest/gateway.ts';
import type { RowsOf } from '../../featurestore/ingest/source-rows.ts';
import { openPart } from '../../observe/part-kind.ts';
import type { Part } from '../../ports/part.ts';
import type { RecordVerdicts } from '../../ports/record-verdicts.ts';
import type { ColumnSpec, Value } from '../../schema/column.ts';
import { scaledToText } from '../../schema/decimal.ts';
import { EngineStream } from './engine-stream.ts';
import { releaseUndeclared } from './held-versions.ts';
import { streamTopics } from './open-lanes.ts';
import type { ReadPast } from './score-records.ts';
import { StreamJob, type StreamJobOptions } from './stream-job.ts';
import { StreamSource } from './stream-source.ts';
import { streamsPart } from './streams-part.ts';

export interface ProjectStreamsOptions
  extends Omit<
    StreamJobOptions,
    | 'data'
    | 'inputTopic'
    | 'requestOf'
    | 'look'
    | 'recordUse'
    | 'readPast'
    | 'verdicts'
    | 'appliedTo'
    | 'partitions'
    | 'patience'
  > {
  readonly streams: readonly StreamInferenceData[];
  /** Names of the project's models: streams over them that are no longer declared hold nothing. */
  readonly models?: readonly string[];
}

/** Before a stream is open; more partitions than any topic has. */
const NOTHING_TRIMMED: readonly number[] = new Array<number>(4_096).fill(0);

/** The reads of an open feature store that streams need. */
export interface StreamReads {
  readonly look: StreamJobOptions['look'];
  readonly recordUse: StreamJobOptions['recordUse'];
  /** By offset, the vectors of a stream's events as of their event times, from the history. */
  readonly readPast: (data: StreamInferenceData, ...range: Parameters<ReadPast>) => ReturnType<ReadPast>;
  readonly rowsOf: RowsOf;
  /** The verdicts on the records of a source, for one stream. */
  readonly verdictsOf: (source: EventSourceData) => RecordVerdicts;
  /** By partition, the offsets below which this process has judged the events of a source; null: all that are in the log. */
  readonly appliedTo: (source: EventSourceData) => readonly number[] | null;
}

/** A stream, whoever reads its records. */
export type RunningStream = StreamJob | EngineStream;

/** A turn waits this long for the load of a version; a larger one loads while records are scored, ms. */
const LOAD_WAIT_MS = 250;

/** Between two looks of a held answer, ms. */
const LOOK_MS = 25;

/** The streams of a running project. */
export class ProjectStreams {
  readonly #options: ProjectStreamsOptions;
  readonly #jobs = new Map<string, RunningStream>();
  readonly #verdicts = new Map<string, RecordVerdicts>();

  constructor(options: ProjectStreamsOptions) {
    this.#options = options;
  }

  /** Makes the topics of every stream, with as many partitions as its input. Errors: those of the log. */
  async makeTopics(partitions: number): Promise<void> {
    for (const data of this.#options.streams) {
      const { live, shadow, control } = streamTopics(data);
      if (data.scoredBy === 'headrace')
        for (const topic of [live, shadow]) await this.#options.log.openTopic(topic, partitions);
      await this.#options.log.openTopic(control, 1);
    }
  }

  /** Opens every stream. Errors: STREAM_RECORD, those of the log. */
  async open({ readPast, rowsOf, verdictsOf, appliedTo, ...reads }: StreamReads): Promise<void> {
    const { registry, streams, models = [] } = this.#options;
    const names = streams.map(({ name }) => name);
    await releaseUndeclared(registry, names, models);
    for (const data of this.#options.streams) {
      const inputTopic = topicOf(data.from);
      const { length: partitions } = await this.#options.log.ends(inputTopic);
      const { decode } = rowsOf(data.from);
      const toRequest = requestOfRow(data.from, data.model.service);
      const requestOf = (payload: Uint8Array) => toRequest(decode(payload));
      const patience = () => sleep(LOAD_WAIT_MS, undefined, { ref: false });
      const past: ReadPast = (...range) => readPast(data, ...range);
      const verdicts = verdictsOf(data.from);
      this.#verdicts.set(data.name, verdicts);
      const input = { inputTopic, partitions, requestOf, verdicts };
      const job = { ...this.#options, ...reads, ...input, data, readPast: past, patience };
      this.#jobs.set(
        data.name,
        data.scoredBy === 'engine'
          ? await EngineStream.open({ ...job, pause: () => sleep(LOOK_MS) })
          : await StreamJob.open({ ...job, appliedTo: () => appliedTo(data.from) }),
      );
    }
  }

  /** Error: STREAM_UNKNOWN. */
  named(stream: string): RunningStream {
    const job = this.#jobs.get(stream);
    if (job === undefined) throw fail('STREAM_UNKNOWN', { stream, known: [...this.#jobs.keys()] });
    return job;
  }

  /** The models of streams that an engine elsewhere scores. */
  source(): StreamSource {
    const names = this.#options.streams.filter(({ scoredBy }) => scoredBy === 'engine').map(({ name }) => name);
    return new StreamSource(names, (stream) => async (text) => {
      const job = this.named(stream);
      if (job instanceof EngineStream) return job.answer(text);
      throw fail('STREAM_UNKNOWN', { stream, known: names });
    });
  }

  /** The topics of streams, to be trimmed with the log; `held` are outputs that others read. */
  topics(held: readonly LoggedTopic[] = []): readonly LoggedTopic[] {
    return this.#options.streams.flatMap((data) => {
      const topics = streamTopics(data);
      const kinds = data.scoredBy === 'engine' ? (['control'] as const) : (['live', 'shadow', 'control'] as const);
      return kinds.map(
        (kind): LoggedTopic => ({
          topic: topics[kind],
          keepFrom: async () => {
            const own = this.#jobs.get(data.name)?.keepFrom[kind] ?? NOTHING_TRIMMED;
            const others = await held.find(({ topic }) => topic === topics[kind])?.keepFrom();
            return others === undefined
              ? own
              : own.map((offset, partition) => Math.min(offset, others[partition] ?? 0));
          },
        }),
      );
    });
  }

  /** The inputs of streams: the log keeps the records without an output, and those that it takes to judge them. */
  readers(): readonly LoggedTopic[] {
    return this.#options.streams.map(({ name, from }) => ({
      topic: topicOf(from),
      keepFrom: () => {
        const unscored = this.#jobs.get(name)?.unscoredFrom;
        return (unscored && this.#verdicts.get(name)?.neededFrom(unscored)) ?? NOTHING_TRIMMED;
      },
    }));
  }

  part(): Part {
    const jobs = () => [...this.#jobs.values()];
    return openPart(streamsPart, jobs, {
      tick: async () => {
        for (const job of jobs()) await job.tick();
      },
      close: async () => {
        for (const job of jobs()) await job.close();
      },
    });
  }
}

/** Compiles the way from an event's row to a request of a service, as a user writes one. */
export function requestOfRow(
  { columns }: EventSourceData,
  { request }: FeatureServiceData,
): (row: readonly Value[]) => Readonly<Record<string, Value>> {
  const names = Object.keys(columns);
  const places = Object.keys(request).map((name) => [name, names.indexOf(name), written(request[name])] as const);
  return (row) => Object.fromEntries(places.map(([name, place, write]) => [name, write(row[place] ?? null)]));
}

/** Decimals and int64 are texts where a user writes them. */
function written(spec: ColumnSpec): (value: Value) => Value {
  const { scale = 0 } = spec;
  if (spec.type === 'decimal') return (value) => (typeof value === 'bigint' ? scaledToText(value, scale) : value);
  return spec.type === 'int64' ? (value) => (typeof value === 'bigint' ? String(value) : value) : (value) => value;
}
