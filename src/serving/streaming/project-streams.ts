import { setTimeout as sleep } from 'node:timers/promises';
import { fail } from '../../base/errors/fail.ts';
import type { EventSourceData, StreamInferenceData } from '../../features/define/declaration.ts';
import type { LoggedTopic } from '../../featurestore/feature-store-options.ts';
import { topicOf } from '../../featurestore/ingest/gateway.ts';
import type { RowsOf } from '../../featurestore/ingest/source-rows.ts';
import { openPart } from '../../observe/part-kind.ts';
import type { Part } from '../../ports/part.ts';
import { EngineStream } from './engine-stream.ts';
import { releaseUndeclared } from './held-versions.ts';
import { streamTopics } from './open-lanes.ts';
import { requestOfRow } from './request-of.ts';
import type { ReadPast } from './score-records.ts';
import { StreamJob, type StreamJobOptions } from './stream-job.ts';
import { StreamSource } from './stream-source.ts';
import { streamsPart } from './streams-part.ts';

export interface ProjectStreamsOptions
  extends Omit<
    StreamJobOptions,
    'data' | 'inputTopic' | 'requestOf' | 'read' | 'readPast' | 'appliedTo' | 'partitions' | 'patience'
  > {
  readonly streams: readonly StreamInferenceData[];
  /** Names of the project's models: streams over them that are no longer declared hold nothing. */
  readonly models?: readonly string[];
}

/** Before a stream is open; more partitions than any topic has. */
const NOTHING_TRIMMED: readonly number[] = new Array<number>(4_096).fill(0);

/** The reads of an open feature store that streams need. */
export interface StreamReads {
  readonly read: StreamJobOptions['read'];
  /** By offset, the vectors of a stream's events as of their event times, from the history. */
  readonly readPast: (data: StreamInferenceData, ...range: Parameters<ReadPast>) => ReturnType<ReadPast>;
  readonly rowsOf: RowsOf;
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
  async open({ read, readPast, rowsOf, appliedTo }: StreamReads): Promise<void> {
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
      const job = { ...this.#options, data, inputTopic, partitions, requestOf, read, readPast: past, patience };
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

  /** The topics of streams, to be trimmed with the log. */
  topics(): readonly LoggedTopic[] {
    return this.#options.streams.flatMap((data) => {
      const topics = streamTopics(data);
      const kinds = data.scoredBy === 'engine' ? (['control'] as const) : (['live', 'shadow', 'control'] as const);
      return kinds.map(
        (kind): LoggedTopic => ({
          topic: topics[kind],
          keepFrom: () => this.#jobs.get(data.name)?.keepFrom[kind] ?? NOTHING_TRIMMED,
        }),
      );
    });
  }

  /** The inputs of streams: the log keeps the records without an output. */
  readers(): readonly LoggedTopic[] {
    return this.#options.streams.map(({ name, from }) => ({
      topic: topicOf(from),
      keepFrom: () => this.#jobs.get(name)?.unscoredFrom ?? NOTHING_TRIMMED,
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
