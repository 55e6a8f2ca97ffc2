import type { Clock } from '../../../base/time.ts';
import type { EventSourceData, ProjectData, StreamInferenceData } from '../../../features/define/declaration.ts';
import type { SinkSpec } from '../../../features/define/score-sink.ts';
import type { LoggedTopic } from '../../../featurestore/feature-store-options.ts';
import { topicOf } from '../../../featurestore/ingest/gateway.ts';
import type { RowsOf } from '../../../featurestore/ingest/source-rows.ts';
import { openPart } from '../../../observe/part-kind.ts';
import type { EventLog } from '../../../ports/event-log.ts';
import type { Part } from '../../../ports/part.ts';
import type { ScoreSink } from '../../../ports/score-sink.ts';
import type { StreamLanes } from '../../../ports/stream-lanes.ts';
import { Background } from '../../../schedule/background.ts';
import { streamTopics } from '../open-lanes.ts';
import { heldOutputs, neededInput } from './held-outputs.ts';
import { LoggedOutputs } from './logged-outputs.ts';
import { OutputReader, type OutputReaderOptions } from './output-reader.ts';
import { outputsPart } from './outputs-part.ts';
import { type FeedSource, ScoreFeed } from './score-feed.ts';
import { SinkDelivery } from './sink-delivery.ts';

/** Where the outputs of a stream go: into the source of its scores, or to a sink. */
export interface OutputTarget {
  readonly stream: string;
  readonly kind: 'source' | 'sink';
  readonly name: string;
  readonly topic: string;
  /** The name that its positions are kept under. */
  readonly readerName: string;
  readonly reader: OutputReader;
  /** null: other processes read the topic too. */
  readonly own: LoggedOutputs | null;
  readonly feed: ScoreFeed | null;
  readonly sink: SinkDelivery | null;
  /** A sink that takes nothing for this long does not hold the log, ms. */
  readonly holdMs: number;
  /** Between two turns, ms. */
  readonly everyMs: number;
  /** Turns that no tick waits for; null: a tick waits for them. */
  readonly beside: Background | null;
}

export interface StreamOutputsOptions {
  readonly project: Pick<ProjectData, 'sources' | 'streams'>;
  readonly log: EventLog;
  readonly lanes: StreamLanes | null;
  readonly openSink: (stream: string, name: string, spec: SinkSpec) => ScoreSink;
  readonly clock: Clock;
  readonly onFault: (error: unknown) => void;
}

/** The parts of an open feature store that targets use. */
export interface OutputUses {
  readonly rowsOf: RowsOf;
  readonly feed: FeedSource;
}

/** A read of a topic of others waits this long for a first record, ms. */
const WAIT_MS = 100;

/** Hands the outputs of a project's streams on: to the sources that have scores, and to sinks. */
export class StreamOutputs {
  readonly #options: StreamOutputsOptions;
  readonly #stopping = new AbortController();
  readonly #dueAt = new Map<OutputTarget, number>();
  #targets: readonly OutputTarget[] = [];
  #isOpen = false;

  constructor(options: StreamOutputsOptions) {
    this.#options = options;
  }

  /** Errors: those of the log. */
  async open(uses: OutputUses): Promise<void> {
    const { streams = [], sources } = this.#options.project;
    for (const data of streams.filter(({ scoredBy }) => scoredBy === 'headrace')) {
      for (const source of sources)
        if (source.scores?.stream === data.name) this.#add(await this.#sourceTarget(data, source, uses));
      for (const [name, spec] of Object.entries(data.sinks ?? {})) this.#add(await this.#sinkTarget(data, name, spec));
    }
    this.#isOpen = true;
  }

  /** The records of the topics of streams that a target still reads. */
  held(): readonly LoggedTopic[] {
    return heldOutputs(this.#streams(), this.#heldOptions());
  }

  /** The records of their inputs that it takes to make events of scores. */
  readers(): readonly LoggedTopic[] {
    const withSources = this.#streams().filter(({ name }) => this.#feeds(name));
    return withSources.map((data) => neededInput(data, this.#heldOptions()));
  }

  part(): Part {
    return openPart(outputsPart, () => this.#targets, {
      tick: async () => {
        for (const target of this.#targets) await this.#turn(target);
      },
      close: async () => {
        this.#stopping.abort();
        for (const { beside, reader } of this.#targets) {
          await beside?.ended();
          await reader.close();
        }
      },
    });
  }

  #streams(): readonly StreamInferenceData[] {
    return (this.#options.project.streams ?? []).filter(({ scoredBy }) => scoredBy === 'headrace');
  }

  #feeds(stream: string): boolean {
    return this.#options.project.sources.some(({ scores }) => scores?.stream === stream);
  }

  #heldOptions() {
    const { log, clock } = this.#options;
    return { log, clock, targets: () => (this.#isOpen ? this.#targets : null) };
  }

  #add(target: OutputTarget): void {
    this.#targets = [...this.#targets, target];
  }

  async #turn(target: OutputTarget): Promise<void> {
    const { clock } = this.#options;
    const { own, reader, beside, everyMs } = target;
    await own?.refresh();
    const now = clock();
    if (beside?.busy === true || now < (this.#dueAt.get(target) ?? now)) return;
    this.#dueAt.set(target, now + everyMs);
    if (beside === null) await reader.turn(0);
    else
      beside.start(async () => {
        await reader.turn(WAIT_MS);
      });
  }

  async #sourceTarget(data: StreamInferenceData, source: EventSourceData, uses: OutputUses): Promise<OutputTarget> {
    const { log, lanes } = this.#options;
    const topic = streamTopics(data).live;
    const readerName = `stream-${data.name}-to-${topicOf(source)}`.replace('@', '-');
    const feed = new ScoreFeed({
      ...this.#options,
      source,
      inputTopic: topicOf(data.from),
      decode: uses.rowsOf(data.from).decode,
      since: await sinceOf(log, `${readerName}-since`, topic),
      feed: uses.feed,
    });
    const read = await this.#readerOf(readerName, topic, (outputs) => feed.take(outputs));
    const names = { stream: data.name, kind: 'source', name: source.name, topic, readerName } as const;
    const holdMs = Number.POSITIVE_INFINITY;
    return {
      ...names,
      ...read,
      feed,
      sink: null,
      holdMs,
      everyMs: 0,
      beside: lanes === null ? null : new Background(),
    };
  }

  async #sinkTarget(data: StreamInferenceData, name: string, spec: SinkSpec): Promise<OutputTarget> {
    const { openSink, lanes, clock } = this.#options;
    const topic = streamTopics(data).live;
    const readerName = `stream-${data.name}-sink-${name}`;
    const stream = data.name;
    const sink = new SinkDelivery({
      stream,
      name,
      open: () => openSink(stream, name, spec),
      clock,
      signal: this.#stopping.signal,
    });
    const read = await this.#readerOf(readerName, topic, (outputs) => sink.take(outputs));
    const isLocal = spec.kind === 'files' && lanes === null;
    const { holdMs, everyMs } = spec;
    const beside = isLocal ? null : new Background();
    return { stream, kind: 'sink', name, topic, readerName, ...read, feed: null, sink, holdMs, everyMs, beside };
  }

  async #readerOf(name: string, topic: string, take: OutputReaderOptions['take']) {
    const { log, lanes, onFault } = this.#options;
    const own = lanes === null ? await LoggedOutputs.open({ log, topic, reader: name }) : null;
    const outputs = own ?? (await lanes?.follow(name, topic));
    if (outputs === undefined) throw new Error('a stream has neither a log nor lanes');
    return { own, reader: new OutputReader({ topic: outputs, take, onFault, signal: this.#stopping.signal }) };
  }
}

/** By partition, the end of the outputs when their first event was made: kept for all later starts. */
async function sinceOf(log: EventLog, reader: string, topic: string): Promise<readonly number[]> {
  const known = await log.committed(reader, topic);
  if (known !== null) return known;
  const ends = (await log.ends(topic)).map(({ end }) => end);
  await log.commit(reader, topic, ends);
  return ends;
}
