import { fail } from '../../base/errors/fail.ts';
import type { MaybePromise } from '../../base/maybe-promise.ts';
import type { Clock } from '../../base/time.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import { Admission, type AdmissionCounters, type Verdict } from '../../features/engine/admission.ts';
import { type Delivery, isBlank } from '../../features/engine/delivery.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { DeliverySink, JudgedDeliveries } from '../../ports/delivery-sink.ts';
import type { EventLog, PartitionEnds } from '../../ports/event-log.ts';
import type { Position } from '../../ports/position.ts';
import { topicOf } from '../ingest/gateway.ts';
import type { UncommittedPlace } from '../ingest/ingest-part.ts';
import type { RowsOf } from '../ingest/source-rows.ts';
import { AskedVerdicts } from './asked-verdicts.ts';
import { clockOf } from './log-clock.ts';
import { offsetsOf, readDeliveries } from './log-cursor.ts';
import { rememberIds } from './remember-ids.ts';
import type { UnreadableRecords } from './unreadable-records.ts';

/** Receives deliveries of the log that are to be judged; `offset` is that of the first. */
export type TakeUnjudged = (
  state: SourceState,
  partition: number,
  offset: number,
  deliveries: readonly Delivery[],
) => MaybePromise<void>;

export interface SourceJudgeOptions {
  readonly log: EventLog;
  readonly sources: readonly EventSourceData[];
  readonly rowsOf: RowsOf;
  readonly layouts: readonly TileLayout[];
  readonly clock: Clock;
  /** In their order. */
  readonly sinks: readonly DeliverySink[];
  readonly unreadable: UnreadableRecords;
  /** Room in the queue of the history: null, or what a reader of the log waits for. */
  readonly room?: () => Promise<void> | null;
}

/** The state of one source: its place in the log, the ids that it remembers, and its clock. */
export interface SourceState {
  readonly source: EventSourceData;
  readonly admission: Admission;
  /** Next offset to apply, by partition. */
  readonly next: number[];
  /** The last known ends of the partitions. */
  readonly ends: number[];
  readonly lastIngestTs: number[];
  /** Whether views use it, wherever their tiles are computed. */
  readonly hasViews: boolean;
  /** The log clock, kept for every read of a vector. */
  clock: number;
}

/**
 * Judges every delivery of the log once, in order: accepted, duplicate, future or late; then hands it to the sinks. Owns offsets,
 * remembered ids and counters of the sources. After a rewind it judges deliveries again, without counting them twice, and only
 * sinks that take them again receive them.
 */
export class SourceJudge {
  /** Whether the log begins after the position of the store: tiles lack events that only the history has. */
  missedEvents = false;
  readonly asked = new AskedVerdicts();
  readonly #options: SourceJudgeOptions;
  readonly #sources = new Map<string, SourceState>();
  /** By source: counts before the last rewind, without those of deliveries that were judged again since. */
  readonly #countedBefore = new Map<string, Readonly<AdmissionCounters>>();
  /** By source, the offsets up to which deliveries were reported as judged. */
  readonly #judgedTo = new Map<string, number[]>();

  constructor(options: SourceJudgeOptions) {
    this.#options = options;
  }

  /** Goes to a position of the log, and remembers the ids before it; null: to its begin. Errors: STORE_AHEAD, LOG_CORRUPT. */
  async open(position: Position | null): Promise<void> {
    this.missedEvents = false;
    for (const source of this.#options.sources) await this.#openSource(source, position);
  }

  async #openSource(source: EventSourceData, position: Position | null): Promise<void> {
    const { log, layouts, rowsOf } = this.#options;
    const ends = await log.ends(topicOf(source));
    const next = this.#placeIn(source, position, ends);
    const admission = new Admission(source);
    const lastIngestTs = await rememberIds(log, source, rowsOf(source), admission, next);
    this.#sources.set(source.name, {
      source,
      admission,
      next,
      ends: ends.map(({ end }) => end),
      lastIngestTs,
      hasViews: layouts.some(({ view }) => view.source.name === source.name),
      clock: clockOf(lastIngestTs),
    });
  }

  #placeIn(source: EventSourceData, position: Position | null, ends: readonly PartitionEnds[]): number[] {
    const begins = ends.map(() => 0);
    const next = offsetsOf(position, source, begins);
    for (const [partition, { begin }] of ends.entries()) {
      if (begin <= next[partition]) continue;
      next[partition] = begin;
      this.missedEvents = true;
    }
    const ahead = ends.findIndex(({ end }, partition) => end < next[partition]);
    if (ahead >= 0) throw aheadOf(ends[ahead], source, next[ahead]);
    return next;
  }

  /** Call it before `open` goes back: deliveries that were judged are not reported and counted again. */
  beginRewind(): void {
    for (const { source, next } of this.#sources.values()) {
      this.#countedBefore.set(source.name, this.counters(source));
      const known = this.#judgedTo.get(source.name) ?? [];
      const judged = next.map((offset, partition) => Math.max(offset, known[partition] ?? 0));
      this.#judgedTo.set(source.name, judged);
    }
  }

  /** Reads the log up to its present ends. Errors: those of the log. */
  async readLog(take: TakeUnjudged): Promise<void> {
    const { log, rowsOf, unreadable, room } = this.#options;
    for (const state of this.#sources.values()) {
      const { source, next } = state;
      await readDeliveries(
        log,
        source,
        rowsOf(source),
        next,
        (partition, offset, deliveries) => {
          const waits = room?.() ?? null;
          const takes = () => take(state, partition, offset, deliveries);
          return waits === null ? takes() : waits.then(takes);
        },
        undefined,
        unreadable.of(source),
      );
    }
  }

  get states(): Iterable<SourceState> {
    return this.#sources.values();
  }

  /** Notes that a partition ends there at least. Error: EVENT_SOURCE. */
  appended(source: EventSourceData, partition: number, end: number): SourceState {
    const state = this.stateOf(source);
    state.ends[partition] = Math.max(state.ends[partition], end);
    return state;
  }

  /** Error: EVENT_SOURCE. */
  stateOf(source: EventSourceData): SourceState {
    const state = this.#sources.get(source.name);
    if (state === undefined) throw fail('EVENT_SOURCE', { source: source.name });
    return state;
  }

  /**
   * Judges the deliveries that come next in a partition and hands them to the sinks. They are judged, and remembered, even if a sink
   * fails: judged again they would be duplicates. Errors: the first one of a sink, after all sinks have them. Hot path.
   */
  apply(state: SourceState, partition: number, deliveries: readonly Delivery[]): readonly Verdict[] {
    const { source, next, lastIngestTs, admission } = state;
    const offset = next[partition];
    // A forgotten delivery counts for nothing, as one that is known already.
    const firsts = new Map<number, number>();
    const verdicts = deliveries.map((delivery, i): Verdict => {
      if (isBlank(delivery)) return 'duplicate';
      const verdict = admission.judge(delivery, partition, offset + i);
      if (verdict === 'duplicate') firsts.set(offset + i, admission.firstOf(partition));
      return verdict;
    });
    const last = deliveries[deliveries.length - 1];
    if (last !== undefined) {
      next[partition] += deliveries.length;
      lastIngestTs[partition] = last.ingestTs;
      state.clock = clockOf(lastIngestTs);
    }
    this.#handOver({ source, partition, offset, deliveries, verdicts, firsts });
    this.asked.tell(source, partition, offset, verdicts);
    return verdicts;
  }

  #handOver(judged: JudgedDeliveries): void {
    const { source, partition, offset, deliveries, verdicts } = judged;
    const known = Math.max(0, (this.#judgedTo.get(source.name)?.[partition] ?? 0) - offset);
    if (known > 0) this.#uncount(source, deliveries.slice(0, known), verdicts);
    const fresh =
      known === 0
        ? judged
        : { ...judged, offset: offset + known, deliveries: deliveries.slice(known), verdicts: verdicts.slice(known) };
    let failure: { readonly error: unknown } | null = null;
    for (const sink of this.#options.sinks) {
      try {
        sink.take(sink.takesAgain ? judged : fresh);
      } catch (error) {
        failure ??= { error };
      }
    }
    if (failure !== null) throw failure.error;
  }

  /** Deliveries that are judged again after a rewind are counted already. */
  #uncount(source: EventSourceData, deliveries: readonly Delivery[], verdicts: readonly Verdict[]): void {
    const again = { accepted: 0, duplicate: 0, future: 0, late: 0 };
    deliveries.forEach((delivery, i) => {
      if (!isBlank(delivery)) again[verdicts[i]] += 1;
    });
    this.#countedBefore.set(source.name, added(this.#countedBefore.get(source.name) ?? NOTHING_COUNTED, again, -1));
  }

  counters(source: EventSourceData): Readonly<AdmissionCounters> {
    const { counters } = this.stateOf(source).admission;
    const before = this.#countedBefore.get(source.name);
    return before === undefined ? counters : added(counters, before, 1);
  }

  /** Bytes of remembered ids. */
  get memoryBytes(): number {
    let bytes = 0;
    for (const { admission } of this.#sources.values()) bytes += admission.memoryBytes;
    return bytes;
  }

  /** The next deliveries to read, by topic and partition. */
  position(): Position {
    return Object.fromEntries([...this.#sources.values()].map(({ source, next }) => [topicOf(source), [...next]]));
  }

  /** Events of the log after a committed position, as far as is known without a request. */
  uncommittedPlaces(committed: Position): readonly UncommittedPlace[] {
    return [...this.#sources.values()].flatMap(({ source, next, ends }) => {
      const topic = topicOf(source);
      const heard = this.#options.log.knownEnds?.(topic) ?? [];
      return next.flatMap((read, partition) => {
        const offset = committed[topic]?.[partition] ?? 0;
        const events = Math.max(read, ends[partition], heard[partition] ?? 0) - offset;
        return events > 0 ? [{ source: source.name, partition, offset, events }] : [];
      });
    });
  }

  /**
   * The log clock of a source: the smallest last ingest time of a partition that has any, and at most now, whatever a clock that was
   * ahead has left in the log; -Infinity before the first.
   */
  clockOf(source: EventSourceData): number {
    return Math.min(this.stateOf(source).clock, this.#options.clock());
  }

  /** The largest ingest time of a source, at most now; -Infinity: it has no delivery. */
  lastIngestOf(source: EventSourceData): number {
    const { lastIngestTs, admission } = this.stateOf(source);
    return Math.min(Math.max(...lastIngestTs, admission.largestIngestTs), this.#options.clock());
  }

  /** Begins after events that the history has and the log never had, the last of which came at this time. */
  beginAfter(source: EventSourceData, ingestTs: number): void {
    const state = this.stateOf(source);
    // They have the first partition.
    state.lastIngestTs[0] = Math.max(state.lastIngestTs[0], ingestTs);
    state.clock = clockOf(state.lastIngestTs);
  }

  /** No accepted event of a source is later; Infinity: the log does not say it. */
  latestOf(source: EventSourceData): number {
    const { lastIngestTs, next } = this.stateOf(source);
    let latest = Number.NEGATIVE_INFINITY;
    // The ingest times of a partition ascend.
    for (let partition = 0; partition < next.length; partition += 1)
      if (lastIngestTs[partition] > latest) latest = lastIngestTs[partition];
      else if (lastIngestTs[partition] === Number.NEGATIVE_INFINITY && next[partition] > 0)
        return Number.POSITIVE_INFINITY;
    return latest + source.futureSkewMs;
  }

  /** Whether views use a source, wherever their tiles are computed. */
  hasViews(source: EventSourceData): boolean {
    return this.stateOf(source).hasViews;
  }

  /** The first offset of a source, by partition, whose id still matters to a restart. */
  rememberedFrom(source: EventSourceData): readonly number[] {
    const { next, admission } = this.stateOf(source);
    return next.map((offset, partition) => Math.min(offset, admission.rememberedFrom(partition) ?? offset));
  }
}

/** The error of a store that has more than the log: either the store is of another log, or the end of the log is damaged. */
function aheadOf({ end, rest }: PartitionEnds, source: EventSourceData, position: number): Error {
  if (rest === undefined) return fail('STORE_AHEAD', { source: source.name, position, end });
  const reason = `the log ends there at offset ${end}, and a store has taken the events up to ${position}`;
  return fail('LOG_CORRUPT', { ...rest, reason });
}

const NOTHING_COUNTED: Readonly<AdmissionCounters> = { accepted: 0, duplicate: 0, future: 0, late: 0 };

function added(one: Readonly<AdmissionCounters>, other: Readonly<AdmissionCounters>, times: 1 | -1): AdmissionCounters {
  return {
    accepted: one.accepted + times * other.accepted,
    duplicate: one.duplicate + times * other.duplicate,
    future: one.future + times * other.future,
    late: one.late + times * other.late,
  };
}
