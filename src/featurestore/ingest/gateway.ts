import { fail, type HeadraceError, isHeadraceError } from '../../base/errors/fail.ts';
import { partitionOf } from '../../base/hash/partition-of.ts';
import type { MaybePromise } from '../../base/maybe-promise.ts';
import type { Clock } from '../../base/time.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import type { Delivery } from '../../features/engine/delivery.ts';
import type { EventLog, LogRecord } from '../../ports/event-log.ts';
import type { Value } from '../../schema/column.ts';
import { rowParser } from '../../schema/row-parser.ts';
import {
  type IngestReport,
  loggedIn,
  MOST_SHOWN,
  type RefusedEvent,
  ReportCounter,
  type Verdicts,
} from './ingest-report.ts';
import type { DeliveryRows, RowsOf } from './source-rows.ts';
import { wrongUnit } from './wrong-unit.ts';

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
 * The one door for events: validates, stamps the ingest time (which never decreases within a partition), keeps events
 * from the future and malformed ones out, and appends to the log partition of the event's id.
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
      gateway.#sources.set(
        source.name,
        sourceGate(
          source,
          options.rowsOf(source),
          ends.map((end) => end.lastIngestTs),
        ),
      );
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
    return this.#take(source, events, { steps, placeOf, stampOf: (_, now) => now });
  }

  /**
   * Takes events of the past, in the order of their times: each is stamped as if it had come at its own time, and judged by it. An
   * event that is older than the last of its partition is stamped with that.
   */
  bootstrap(source: EventSourceData, events: readonly unknown[]): MaybePromise<IngestReport> {
    return this.#take(source, events, { steps: null, placeOf: undefined, stampOf: Math.min });
  }

  #take(source: EventSourceData, events: readonly unknown[], { steps, placeOf, stampOf }: TakeOptions) {
    const gate = this.#gateOf(source);
    const now = this.#clock();
    const { taken, refused } = takeEvents(gate, events, now);
    const batches = this.#noBatches();
    for (const event of taken) this.#stamp(gate, event, stampOf(event.ts, now), batches);
    const appended = this.#append(gate, batches, refused, steps);
    if (refused.length === 0) return appended;
    const tell = (report: IngestReport) => {
      for (const { index, error } of refused) this.#refused(source, events[index], error, now, placeOf?.(index));
      return report;
    };
    return appended instanceof Promise ? appended.then(tell) : tell(appended);
  }

  /** Counts a record that is not an event of its source as refused. */
  refuse(source: EventSourceData, payload: string, error: HeadraceError, place: string): void {
    const { counters } = this.#gateOf(source);
    counters.sent += 1;
    counters.refused += 1;
    this.#refused(source, payload, error, this.#clock(), place);
  }

  /**
   * Takes deliveries that another log has, in its order, at the ingest times that they have there: none may be before the last of
   * its partition here. Errors: LOG_ORDER, those of the log.
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

  #stamp(gate: SourceGate, { id, ts, row, index }: TakenEvent, now: number, batches: readonly Batch[]): void {
    const partition = partitionOf(id, this.#partitions);
    const ingestTs = Math.max(now, gate.lastIngestTs[partition] ?? now);
    gate.lastIngestTs[partition] = ingestTs;
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
    batches.forEach(({ deliveries, indexes }, partition) => {
      if (deliveries.length === 0) return;
      const note = (verdicts: Verdicts) =>
        deliveries.forEach(({ id }, i) => {
          counter.add(indexes[i], id, verdicts[i]);
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
    });
    if (waiting.length > 0) return Promise.all(waiting).then(() => counted(gate, counter.report(refused)));
    return counted(gate, counter.report(refused));
  }
}

interface TakeOptions {
  readonly steps: IngestSteps | null;
  readonly placeOf: PlaceOf | undefined;
  /** The ingest time of an event of this time that is taken now. */
  readonly stampOf: (ts: number, now: number) => number;
}

/** Makes the topics of sources in the log, where absent. Errors: those of the log. */
export async function openSourceTopics({
  log,
  sources,
  partitions,
}: Pick<GatewayOptions, 'log' | 'sources' | 'partitions'>): Promise<void> {
  for (const source of sources) await log.openTopic(topicOf(source), partitions);
}

/** The log topic of a source. */
export function topicOf(source: EventSourceData): string {
  return `${source.name}@${source.version}`;
}

interface SourceGate {
  readonly source: EventSourceData;
  readonly topic: string;
  readonly parse: (event: unknown) => readonly Value[];
  readonly encode: DeliveryRows['encode'];
  readonly idIndex: number;
  readonly timeIndex: number;
  /** Last ingest time by partition. */
  readonly lastIngestTs: number[];
  readonly counters: GatewayCounters;
}

interface TakenEvent {
  /** In the call. */
  readonly index: number;
  readonly id: string;
  readonly ts: number;
  readonly row: readonly Value[];
}

function sourceGate(source: EventSourceData, { encode }: DeliveryRows, lastIngestTs: number[]): SourceGate {
  const names = Object.keys(source.columns);
  return {
    source,
    topic: topicOf(source),
    parse: rowParser(source),
    encode,
    idIndex: names.indexOf(source.id),
    timeIndex: names.indexOf(source.time),
    lastIngestTs,
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

/** Parses the events of a call. Of many refusals only the first have a stack, the largest cost of an error. */
function takeEvents(gate: SourceGate, events: readonly unknown[], now: number) {
  const taken: TakenEvent[] = [];
  const refused: RefusedEvent[] = [];
  const { stackTraceLimit } = Error;
  try {
    events.forEach((event, index) => {
      const found = takeEvent(gate, event, index, now);
      if (!isHeadraceError(found)) {
        taken.push(found);
        return;
      }
      refused.push({ index, id: idOf(gate, event), error: found });
      if (refused.length === MOST_SHOWN) Error.stackTraceLimit = 0;
    });
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  return { taken, refused };
}

const LONGEST_ID = 100;

/** The id of an event that may be anything; null where it has none. */
function idOf({ source }: SourceGate, event: unknown): string | null {
  if (typeof event !== 'object' || event === null || !Object.hasOwn(event, source.id)) return null;
  const id: unknown = Reflect.get(event, source.id);
  return typeof id === 'string' ? id.slice(0, LONGEST_ID) : null;
}

function takeEvent(gate: SourceGate, event: unknown, index: number, now: number): TakenEvent | HeadraceError {
  try {
    const row = gate.parse(event);
    const id = row[gate.idIndex];
    const ts = row[gate.timeIndex];
    if (typeof id !== 'string' || typeof ts !== 'number')
      throw fail('EVENT_SHAPE', { where: gate.source.name, found: 'without id or time' });
    if (ts - now > gate.source.futureSkewMs || now - ts > gate.source.latenessMs) {
      const wrong = unitError(gate, event, now);
      if (wrong !== null) return wrong;
    }
    if (ts - now > gate.source.futureSkewMs) {
      throw fail('EVENT_FUTURE', {
        source: gate.source.name,
        id,
        aheadMs: ts - now,
        allowedMs: gate.source.futureSkewMs,
      });
    }
    return { index, id, ts, row };
  } catch (error) {
    if (!isHeadraceError(error)) throw error;
    return error.code === 'EVENT_TIME' ? (unitError(gate, event, now) ?? error) : error;
  }
}

/** Why an event does not count as milliseconds, where its time can only be in another unit. */
function unitError(gate: SourceGate, event: unknown, now: number): HeadraceError | null {
  const { source } = gate;
  const found: unknown = typeof event === 'object' && event !== null ? Reflect.get(event, source.time) : null;
  if (typeof found !== 'number' && typeof found !== 'bigint') return null;
  const unit = wrongUnit(source, Number(found), now);
  if (unit === null) return null;
  return fail('EVENT_TIME_UNIT', { where: source.name, id: idOf(gate, event), column: source.time, found, unit });
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
