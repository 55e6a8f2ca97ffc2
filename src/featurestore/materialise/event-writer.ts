import { setTimeout as sleep } from 'node:timers/promises';
import { fail } from '../../base/errors/fail.ts';
import type { Clock } from '../../base/time.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import { topicOf } from '../../features/define/topic-of.ts';
import type { Admission } from '../../features/engine/admission.ts';
import { isBlank } from '../../features/engine/delivery.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { JudgedDeliveries } from '../../ports/delivery-sink.ts';
import type { EventLog, PartitionEnds } from '../../ports/event-log.ts';
import type { SharePlace } from '../../ports/tile-shares.ts';
import type { RowsOf } from '../ingest/source-rows.ts';
import { admissionBefore } from './admission-before.ts';
import { deliveryReader } from './log-cursor.ts';
import { ShareLoop, type ShareLoopOptions } from './share-loop.ts';
import { SharedAdds } from './shared-adds.ts';

/** Records that are read at once, of all partitions of the process: the fewer there are, the fewer events of a key share a write. */
const READ_MOST = 8_000;

/** Of a partition, however many there are. */
const READ_LEAST = 500;

/** Without more to read, the log is looked at this often, ms: a key that gets several events meanwhile is written once. */
export const LOOK_EVERY_MS = 50;

/** Without events the writer reports to the store this often, ms. */
const TELL_EVERY_MS = 250;

export interface EventWriterOptions extends ShareLoopOptions {
  readonly log: EventLog;
  /** Those that have stream views; their topics are open. */
  readonly sources: readonly EventSourceData[];
  readonly layouts: readonly TileLayout[];
  readonly rowsOf: RowsOf;
  readonly clock: Clock;
  /** Shortest time between two looks at the log that found its end, ms. */
  readonly lookEveryMs: number;
}

/** A partition of a source's topic, as this process judges it. */
interface Partition {
  readonly source: EventSourceData;
  readonly partition: number;
  readonly admission: Admission;
  /** The next offset to judge. */
  next: number;
}

/**
 * One of many processes that make the tiles of the log. A share is one partition of the topic of every source. Its deliveries are judged as
 * the process that serves judges them, since a verdict follows from the partition alone. Accepted events are added to the tiles in the
 * store, and the place of the share is written after them. Nothing is kept but ids: a process that takes a share over reads them again.
 */
export class EventWriter {
  /** Deliveries that were judged, and whose tiles are written. */
  judged = 0;
  readonly #options: EventWriterOptions;
  readonly #adds: SharedAdds;
  readonly #loop: ShareLoop;
  readonly #partitions = new Map<number, readonly Partition[]>();
  /** Whether the shares were read to their ends since the last of them was taken. */
  #isWhole = false;
  #told: { readonly isWhole: boolean; readonly at: number } | null = null;

  constructor(options: EventWriterOptions) {
    this.#options = options;
    this.#adds = new SharedAdds(options);
    this.#loop = new ShareLoop(options, {
      begin: (gained, places) => this.#begin(gained, places),
      next: (has) => this.#next(has),
      has: (has) => this.#has(has),
    });
  }

  /** The shares that it has taken. */
  get shares(): readonly number[] {
    return this.#loop.shares;
  }

  /** Ends the writing and leaves its shares to the others. */
  close(): Promise<void> {
    return this.#loop.close();
  }

  async #begin(gained: readonly number[], places: ReadonlyMap<number, SharePlace | null>): Promise<readonly number[]> {
    const { log, sources } = this.#options;
    this.#isWhole = false;
    const ends = new Map<EventSourceData, readonly PartitionEnds[]>();
    for (const source of sources) ends.set(source, await log.ends(topicOf(source)));
    for (const share of gained) {
      const opening = sources.map((source) => this.#open(source, share, places.get(share) ?? null, ends.get(source)));
      this.#partitions.set(share, await Promise.all(opening));
    }
    return [];
  }

  /** Goes to the place of a share, and remembers the ids before it. Errors: LOG_TRIMMED, STORE_AHEAD. */
  async #open(
    source: EventSourceData,
    partition: number,
    place: SharePlace | null,
    ends: readonly PartitionEnds[] = [],
  ): Promise<Partition> {
    const { log, rowsOf } = this.#options;
    const { begin, end } = ends[partition];
    const next = place?.[topicOf(source)] ?? begin;
    if (next > end) throw fail('STORE_AHEAD', { source: source.name, position: next, end });
    // The process that serves fills the tiles from the history when it starts.
    if (next < begin) throw fail('LOG_TRIMMED', { topic: topicOf(source), partition, offset: next, begin });
    const admission = await admissionBefore({ source, log, rowsOf }, partition, next);
    return { source, partition, admission, next };
  }

  async #next(has: readonly number[]): Promise<'written' | 'lost'> {
    const { clock, lookEveryMs, shares } = this.#options;
    const [startedAt, lookedAt] = [performance.now(), clock()];
    const partitions = has.flatMap((share) => this.#partitions.get(share) ?? []);
    const most = Math.max(READ_LEAST, Math.ceil(READ_MOST / partitions.length));
    const read = await Promise.all(partitions.map((one) => this.#read(one, most)));
    const hasMore = read.some(({ deliveries }) => deliveries.length === most);
    if (!hasMore) this.#isWhole = true;
    const judged = read.filter(({ deliveries }) => deliveries.length > 0);
    if (judged.length > 0 || this.#isDue()) {
      if (!(await this.#adds.add(judged, has))) return 'lost';
      judged.forEach(({ source, partition, offset, deliveries }) => {
        const one = partitions.find((each) => each.source === source && each.partition === partition);
        if (one !== undefined) one.next = offset + deliveries.length;
      });
      const freshUntil = hasMore ? null : lookedAt;
      const places = new Map(has.map((share) => [share, this.#placeOf(share)]));
      const isWhole = this.#isWhole;
      const report = await shares.write({ tiles: [], places, freshUntil, now: clock(), isWhole });
      if (report === null) return 'lost';
      this.judged += judged.reduce((sum, { deliveries }) => sum + deliveries.length, 0);
      this.#told = { isWhole, at: performance.now() };
    }
    const restMs = lookEveryMs - (performance.now() - startedAt);
    if (!hasMore && restMs > 0) await sleep(restMs);
    return 'written';
  }

  /** Reads and judges the next records of a partition. */
  async #read({ source, partition, admission, next }: Partition, most: number): Promise<JudgedDeliveries> {
    const { log, rowsOf } = this.#options;
    const { records } = await log.read(topicOf(source), partition, next, most);
    // The process that serves judges them too, and reports those that nobody can read.
    const deliveryOf = deliveryReader(log, rowsOf(source), () => undefined);
    const deliveries = records.map((record, i) => deliveryOf(record, partition, next + i));
    const verdicts = deliveries.map((delivery) =>
      isBlank(delivery) ? 'duplicate' : admission.judge(delivery, partition),
    );
    return { source, partition, offset: next, deliveries, verdicts, firsts: new Map() };
  }

  #placeOf(share: number): SharePlace {
    const partitions = this.#partitions.get(share) ?? [];
    return Object.fromEntries(partitions.map(({ source, next }) => [topicOf(source), next]));
  }

  /** Whether to report to the store although there are no events. */
  #isDue(): boolean {
    const told = this.#told;
    return told === null || performance.now() - told.at >= TELL_EVERY_MS || told.isWhole !== this.#isWhole;
  }

  #has(shares: readonly number[]): void {
    for (const share of [...this.#partitions.keys()]) if (!shares.includes(share)) this.#partitions.delete(share);
    this.#told = null;
  }
}
