import { fail, type HeadraceError } from '../../base/errors/fail.ts';
import { FOLLOWED_STEP_MS } from '../../base/guarded-clock.ts';
import { partitionOf } from '../../base/hash/partition-of.ts';
import type { MaybePromise } from '../../base/maybe-promise.ts';
import { type Clock, type ClockSpan, spanOf } from '../../base/time.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import { topicOf } from '../../features/define/topic-of.ts';
import type { Delivery } from '../../features/engine/delivery.ts';
import type { EventLog, LogRecord, PartitionEnds } from '../../ports/event-log.ts';
import { rowParser } from '../../schema/row-parser.ts';
import { type IngestReport, loggedIn, type RefusedEvent, ReportCounter, type Verdicts } from './ingest-report.ts';
import type { DeliveryRows, RowsOf } from './source-rows.ts';
import { arrivalOf, inOrder, runsInOrder } from './stamp.ts';
import { type EventShape, type TakenEvent, takeEvents } from './take-events.ts';

export { topicOf };

/** Called with the progress of a call of the gateway, by batch of a partition; for a trace. */
export interface IngestSteps {
  /** The events are parsed, and the first batch goes to the log. */
  began(): void;
  /** A batch is in the log. */
  appended(): void;
  /** A batch is in the tiles, or waits for its turn. */
  taken(): void;
}

/** Receives every append in log order, as the log took it, and gives the verdicts; the call that brought it waits for them. */
export type AppendListener = (
  source: EventSourceData,
  partition: number,
  offset: number,
  deliveries: readonly Delivery[],
) => MaybePromise<Verdicts>;

/** Receives every event that is refused, when it came (epoch ms), and where it stood if a topic has it. */
export type RefusalListener = (
  source: EventSourceData,
  event: unknown,
  error: HeadraceError,
  at: number,
  place?: string,
) => void;

/** Says in words where an event of a call stands. */
export type PlaceOf = (index: number) => string;

/** Counters of one source since the process started. */
export interface GatewayCounters {
  sent: number;
  /** In the log. */
  accepted: number;
  /** Further ahead of its arrival than the source allows: kept out of the log. */
  quarantined: number;
  /** Malformed. */
  refused: number;
}

export interface GatewayOptions {
  readonly log: EventLog;
  readonly sources: readonly EventSourceData[];
  readonly rowsOf: RowsOf;
  readonly partitions: number;
  readonly clock: Clock;
  readonly listener: AppendListener;
  readonly refused: RefusalListener;
}

/**
 * The one door for events: validates, stamps the ingest time, keeps events from the future and malformed ones out, and
 * appends to the log partition of the event's id. An ingest time that the log has from a clock ahead holds no event back.
 */
export class Gateway {
  readonly #log: EventLog;
  readonly #partitions: number;
  readonly #clock: Clock;
  readonly #listener: AppendListener;
  readonly #refused: RefusalListener;
  readonly #sources = new Map<string, SourceGate>();

  private constructor({ log, partitions, clock, listener, refused }: GatewayOptions) {
    this.#log = log;
    this.#partitions = partitions;
    this.#clock = clock;
    this.#listener = listener;
    this.#refused = refused;
  }

  /** Opens a topic per source. Errors: those of the log. */
  static async open(options: GatewayOptions): Promise<Gateway> {
    const gateway = new Gateway(options);
    await openSourceTopics(options);
    for (const source of options.sources) {
      const ends = await options.log.ends(topicOf(source));
      const gate = sourceGate(source, options, ends);
      gate.largestIngestTs = await largestIngestTs(options, gate.topic, ends);
      gateway.#sources.set(source.name, gate);
    }
    return gateway;
  }

  /**
   * Takes events (parsed JSON objects) of a source. A malformed or future event is refused alone; the others are
   * accepted. Refusals are reported once the others are in the log.
   */
  ingest(
    source: EventSourceData,
    events: readonly unknown[],
    steps: IngestSteps | null = null,
    placeOf?: PlaceOf,
  ): MaybePromise<IngestReport> {
    return this.#take(source, events, {
      steps,
      placeOf,
      stampOf: (ts, span, last) => inOrder(arrivalOf(ts, span), last),
    });
  }

  /**
   * Takes events of the past, in the order of their times: each is stamped as if it had come at its own time, and judged by it. An
   * event that is older than the last of its partition is stamped with that, unless that is still to come.
   */
  bootstrap(source: EventSourceData, events: readonly unknown[]): MaybePromise<IngestReport> {
    const stampOf: StampOf = (ts, { from, to }, last) => Math.max(Math.min(ts, to), Math.min(last, from));
    return this.#take(source, events, { steps: null, placeOf: undefined, stampOf });
  }

  #take(source: EventSourceData, events: readonly unknown[], { steps, placeOf, stampOf }: TakeOptions) {
    const gate = this.#gateOf(source);
    if (gate.source.scores !== undefined)
      throw fail('STREAM_FED', { source: source.name, stream: gate.source.scores.stream });
    const span = spanOf(this.#clock);
    const { taken, refused } = takeEvents(gate, events, span);
    const batches = this.#noBatches();
    for (const event of taken) this.#stamp(gate, event, { span, stampOf }, batches);
    const appended = this.#append(gate, batches, refused, steps);
    if (refused.length === 0) return appended;
    const tell = (report: IngestReport) => {
      for (const { index, error } of refused) this.#refused(source, events[index], error, span.from, placeOf?.(index));
      return report;
    };
    return appended instanceof Promise ? appended.then(tell) : tell(appended);
  }

  /** Takes deliveries that were made here: each is stamped as it says, or a little later in the order of its partition. Errors: those of the log. */
  feed(source: EventSourceData, deliveries: readonly Delivery[]): MaybePromise<IngestReport> {
    const gate = this.#gateOf(source);
    const batches = this.#noBatches();
    const span = spanOf(this.#clock);
    deliveries.forEach(({ id, ts, row, ingestTs }, index) => {
      const stampOf: StampOf = (_, __, last) => inOrder(ingestTs, last);
      this.#stamp(gate, { id, ts, row, index }, { span, stampOf }, batches);
    });
    return this.#append(gate, batches, [], null);
  }

  /** Counts a record that is not an event of its source as refused. */
  refuse(source: EventSourceData, payload: string, error: HeadraceError, place: string): void {
    const { counters } = this.#gateOf(source);
    counters.sent += 1;
    counters.refused += 1;
    this.#refused(source, payload, error, this.#clock(), place);
  }

  /**
   * Takes deliveries that another log has, in its order, at the ingest times that they have there. Errors: those of the log.
   */
  replay(source: EventSourceData, deliveries: readonly Delivery[]): MaybePromise<IngestReport> {
    const gate = this.#gateOf(source);
    const batches = this.#noBatches();
    deliveries.forEach((delivery, index) => {
      const partition = partitionOf(delivery.id, this.#partitions);
      gate.lastIngestTs[partition] = Math.max(gate.lastIngestTs[partition] ?? delivery.ingestTs, delivery.ingestTs);
      addTo(batches[partition], delivery, index);
    });
    return this.#append(gate, batches, [], null);
  }

  /** The largest ingest time that the log of a source is known to have; -Infinity: it has no event. Error: EVENT_SOURCE. */
  largestIngestTs(source: EventSourceData): number {
    return this.#gateOf(source).largestIngestTs;
  }

  counters(source: EventSourceData): Readonly<GatewayCounters> {
    return this.#gateOf(source).counters;
  }

  #gateOf(source: EventSourceData): SourceGate {
    const gate = this.#sources.get(source.name);
    if (gate === undefined) throw fail('EVENT_SOURCE', { source: source.name });
    return gate;
  }

  #noBatches(): readonly Batch[] {
    return Array.from({ length: this.#partitions }, () => ({ deliveries: [], indexes: [] }));
  }

  #stamp(
    gate: SourceGate,
    { id, ts, row, index }: TakenEvent,
    { span, stampOf }: { readonly span: ClockSpan; readonly stampOf: StampOf },
    batches: readonly Batch[],
  ): void {
    const partition = partitionOf(id, this.#partitions);
    const last = gate.lastIngestTs[partition] ?? Number.NEGATIVE_INFINITY;
    const ingestTs = stampOf(ts, span, last);
    gate.lastIngestTs[partition] = ingestTs;
    gate.largestIngestTs = Math.max(gate.largestIngestTs, ingestTs);
    addTo(batches[partition], { id, ts, ingestTs, row }, index);
  }

  #append(
    gate: SourceGate,
    batches: readonly Batch[],
    refused: readonly RefusedEvent[],
    steps: IngestSteps | null,
  ): MaybePromise<IngestReport> {
    const waiting: Promise<unknown>[] = [];
    const counter = new ReportCounter();
    steps?.began();
    const appendRun = (
      partition: number,
      deliveries: readonly Delivery[],
      indexes: readonly number[],
      from: number,
    ) => {
      const note = (verdicts: Verdicts) =>
        deliveries.forEach(({ id }, i) => {
          counter.add(indexes[from + i], id, verdicts[i]);
        });
      const offset = this.#log.append(
        gate.topic,
        partition,
        deliveries.map((d) => logRecord(gate, d)),
      );
      if (offset instanceof Promise) {
        waiting.push(
          offset.then((at) => {
            steps?.appended();
            const taken = this.#listener(gate.source, partition, at, deliveries);
            return taken instanceof Promise ? taken.then(note) : note(taken);
          }),
        );
      } else {
        steps?.appended();
        const taken = this.#listener(gate.source, partition, offset, deliveries);
        if (taken instanceof Promise) waiting.push(taken.then(note));
        else note(taken);
        steps?.taken();
      }
    };
    batches.forEach(({ deliveries, indexes }, partition) => {
      if (deliveries.length === 0) return;
      let from = 0;
      for (const run of runsInOrder(deliveries)) {
        appendRun(partition, run, indexes, from);
        from += run.length;
      }
    });
    if (waiting.length > 0) return Promise.all(waiting).then(() => counted(gate, counter.report(refused)));
    return counted(gate, counter.report(refused));
  }
}

interface TakeOptions {
  readonly steps: IngestSteps | null;
  readonly placeOf: PlaceOf | undefined;
  /** The ingest time of an event of this time that is taken now. */
  readonly stampOf: StampOf;
}

/** The ingest time of an event by its own time, the present, and the last ingest time of its partition. */
type StampOf = (ts: number, span: ClockSpan, last: number) => number;

/** Makes the topics of sources in the log, where absent. Errors: those of the log. */
export async function openSourceTopics({
  log,
  sources,
  partitions,
}: Pick<GatewayOptions, 'log' | 'sources' | 'partitions'>): Promise<void> {
  for (const source of sources) await log.openTopic(topicOf(source), partitions);
}

/** The largest ingest time of a topic as far as it matters: that of the last records, or of the first one that is to come. */
async function largestIngestTs(
  { log, clock }: Pick<GatewayOptions, 'log' | 'clock'>,
  topic: string,
  ends: readonly PartitionEnds[],
): Promise<number> {
  const after = clock() + FOLLOWED_STEP_MS;
  const times = await Promise.all(
    ends.map(async ({ end, lastIngestTs }, partition) => {
      const at = await log.offsetAtIngest(topic, partition, after);
      if (at >= end) return lastIngestTs;
      const { records } = await log.read(topic, partition, at, 1);
      return Math.max(lastIngestTs, records[0]?.ingestTs ?? lastIngestTs);
    }),
  );
  return Math.max(...times);
}

interface SourceGate extends EventShape {
  readonly topic: string;
  readonly encode: DeliveryRows['encode'];
  /** Last ingest time by partition. */
  readonly lastIngestTs: number[];
  /** The largest that is known. */
  largestIngestTs: number;
  readonly counters: GatewayCounters;
}

function sourceGate(
  source: EventSourceData,
  { rowsOf, clock }: GatewayOptions,
  ends: readonly PartitionEnds[],
): SourceGate {
  const { encode } = rowsOf(source);
  const names = Object.keys(source.columns);
  return {
    source,
    topic: topicOf(source),
    parse: rowParser(source, clock),
    encode,
    idIndex: names.indexOf(source.id),
    timeIndex: names.indexOf(source.time),
    lastIngestTs: ends.map((end) => end.lastIngestTs),
    largestIngestTs: Number.NEGATIVE_INFINITY,
    counters: { sent: 0, accepted: 0, quarantined: 0, refused: 0 },
  };
}

/** Deliveries for one partition, and where each was in the call. */
interface Batch {
  readonly deliveries: Delivery[];
  readonly indexes: number[];
}

function addTo(batch: Batch | undefined, delivery: Delivery, index: number): void {
  batch?.deliveries.push(delivery);
  batch?.indexes.push(index);
}

function logRecord(gate: SourceGate, delivery: Delivery): LogRecord {
  return {
    id: delivery.id,
    ts: delivery.ts,
    ingestTs: delivery.ingestTs,
    payload: gate.encode(delivery.row, delivery.ingestTs),
  };
}

function counted(gate: SourceGate, report: IngestReport): IngestReport {
  const quarantined = report.refused.filter(({ error }) => error.code === 'EVENT_FUTURE').length;
  const logged = loggedIn(report);
  gate.counters.sent += logged + report.refused.length;
  gate.counters.accepted += logged;
  gate.counters.quarantined += quarantined;
  gate.counters.refused += report.refused.length - quarantined;
  return report;
}
