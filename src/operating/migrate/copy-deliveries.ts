import { fail } from '../../base/errors/fail.ts';
import { partitionOf } from '../../base/hash/partition-of.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import type { Delivery } from '../../features/engine/delivery.ts';
import { INGEST_TS, OFFSET, PARTITION, rawTable } from '../../features/plan/raw-table.ts';
import { valueDecoder } from '../../features/sql/decode.ts';
import { topicOf } from '../../featurestore/ingest/gateway.ts';
import { RAW_READER } from '../../featurestore/materialise/archive.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { OfflineStore, OfflineValue } from '../../ports/offline-store.ts';
import type { CopyPlace } from './migration-files.ts';

/** Deliveries that are appended at once. */
const APPENDED_AT_ONCE = 10_000;

export interface CopyOptions {
  readonly source: EventSourceData;
  /** The history of the environment that they come from. */
  readonly history: OfflineStore;
  /** The log that they go to, to be read: `replay` appends to it. */
  readonly log: Pick<EventLog, 'read' | 'ends'>;
  readonly replay: (source: EventSourceData, deliveries: readonly Delivery[]) => Promise<void>;
  /** Where the copying stands. */
  readonly place: CopyPlace;
  /** Called after some deliveries, with the position to resume from. */
  readonly keep: (place: CopyPlace) => Promise<void>;
  /** Offsets of each partition that are copied between two calls of `keep`: what is sorted, and held in memory, at once. */
  readonly atOnce: number;
}

/**
 * Copies the deliveries that a history has published, in the order of the log that they were in, with their ingest times: so the
 * rule of their source makes of them there what it made of them here. Over a crash it finds in the new log what is already
 * there; gives how many it appended. Error: MIGRATE_FOREIGN.
 */
export async function copyDeliveries(options: CopyOptions): Promise<number> {
  const { source, history, log, keep, atOnce } = options;
  const upTo = await publishedUpTo(history, source);
  let { next, ends } = options.place;
  let appended = 0;
  const isDone = () => next.every((offset, partition) => offset >= (upTo[partition] ?? 0));
  if (isDone()) await mustEnd(log, source, ends);
  while (!isDone()) {
    const to = next.map((offset, partition) => Math.max(offset, Math.min(offset + atOnce, upTo[partition] ?? 0)));
    const slice = new Slice(options, ends, await tailOf(log, source, ends));
    for await (const rows of history.query(sliceSql(history, source, next, to))) await slice.take(rows);
    appended += await slice.end();
    await mustEnd(log, source, slice.ends);
    next = to;
    ends = slice.ends;
    await keep({ next, ends });
  }
  return appended;
}

/** The offsets up to which a history has the deliveries of a source, by partition. */
export async function publishedUpTo(history: OfflineStore, source: EventSourceData): Promise<readonly number[]> {
  return (await history.position(RAW_READER))?.[topicOf(source)] ?? [];
}

/** The first offset of each partition that a history has, where it has any. */
export async function firstOffsets(
  history: OfflineStore,
  source: EventSourceData,
): Promise<ReadonlyMap<number, number>> {
  const sql = `SELECT ${PARTITION}, MIN(${OFFSET}) FROM ${history.relation(rawTable(source))} AS t GROUP BY ${PARTITION}`;
  const firsts = new Map<number, number>();
  for await (const rows of history.query(sql))
    for (const [partition, offset] of rows) firsts.set(Number(partition), Number(offset));
  return firsts;
}

function sliceSql(
  history: OfflineStore,
  source: EventSourceData,
  from: readonly number[],
  to: readonly number[],
): string {
  const parts = from.flatMap((offset, partition) =>
    offset < to[partition]
      ? [`(${PARTITION} = ${partition} AND ${OFFSET} >= ${offset} AND ${OFFSET} < ${to[partition]})`]
      : [],
  );
  // A clock that was set back leaves earlier ingest times later in the log, whose order counts. The first two bounds let whole files be passed over.
  return `SELECT * FROM ${history.relation(rawTable(source))} AS t
WHERE ${OFFSET} >= ${Math.min(...from)} AND ${OFFSET} < ${Math.max(...to)} AND (${parts.join(' OR ')})
ORDER BY MAX(${INGEST_TS}) OVER (PARTITION BY ${PARTITION} ORDER BY ${OFFSET}), ${PARTITION}, ${OFFSET}`;
}

/** Deliveries after the recorded ends, from a call that was interrupted before it recorded its position: their counts by partition. */
async function tailOf(
  log: CopyOptions['log'],
  source: EventSourceData,
  ends: readonly number[],
): Promise<readonly Map<string, number>[]> {
  const topic = topicOf(source);
  const now = await log.ends(topic);
  return Promise.all(
    ends.map(async (noted, partition) => {
      const tail = new Map<string, number>();
      if (now[partition].end < noted)
        throw foreign(source, `partition ${partition} ends at ${now[partition].end}, before ${noted}`);
      for (let offset = noted; offset < now[partition].end; ) {
        const { records } = await log.read(topic, partition, offset, APPENDED_AT_ONCE);
        for (const record of records) {
          const name = nameOf(record);
          tail.set(name, (tail.get(name) ?? 0) + 1);
        }
        offset += records.length;
        if (records.length === 0) throw foreign(source, `partition ${partition} cannot be read at ${offset}`);
      }
      return tail;
    }),
  );
}

function nameOf({ id, ingestTs }: Pick<Delivery, 'id' | 'ingestTs'>): string {
  return `${id} ${ingestTs}`;
}

async function mustEnd(log: CopyOptions['log'], source: EventSourceData, ends: readonly number[]): Promise<void> {
  const now = await log.ends(topicOf(source));
  for (const [partition, { end }] of now.entries())
    if (end !== ends[partition])
      throw foreign(source, `partition ${partition} ends at ${end}, not at ${ends[partition]}`);
}

function foreign(source: EventSourceData, reason: string): Error {
  return fail('MIGRATE_FOREIGN', { source: source.name, reason });
}

/** Rows of the history on their way to a log that may have the first of them. */
class Slice {
  /** Where the log ends with all that was taken. */
  readonly ends: number[];
  readonly #options: CopyOptions;
  readonly #tail: readonly Map<string, number>[];
  readonly #decoders: readonly ReturnType<typeof valueDecoder>[];
  readonly #idIndex: number;
  readonly #timeIndex: number;
  #waiting: Delivery[] = [];
  #appended = 0;

  constructor(options: CopyOptions, ends: readonly number[], tail: readonly Map<string, number>[]) {
    const { columns, id, time } = options.source;
    this.#options = options;
    this.ends = [...ends];
    this.#tail = tail;
    this.#decoders = Object.values(columns).map(valueDecoder);
    this.#idIndex = Object.keys(columns).indexOf(id);
    this.#timeIndex = Object.keys(columns).indexOf(time);
  }

  async take(rows: readonly (readonly OfflineValue[])[]): Promise<void> {
    for (const row of rows) {
      const delivery = this.#deliveryOf(row);
      const partition = partitionOf(delivery.id, this.ends.length);
      this.ends[partition] += 1;
      if (!this.#has(partition, delivery)) this.#waiting.push(delivery);
    }
    if (this.#waiting.length >= APPENDED_AT_ONCE) await this.#append();
  }

  /** Appends the waiting deliveries; returns the total number appended. */
  async end(): Promise<number> {
    await this.#append();
    for (const tail of this.#tail)
      for (const [name, count] of tail)
        if (count > 0) throw foreign(this.#options.source, `the history of the old one has no ${name.split(' ')[0]}`);
    return this.#appended;
  }

  #deliveryOf(row: readonly OfflineValue[]): Delivery {
    const values = this.#decoders.map((decode, c) => decode(row[c]));
    return {
      id: String(values[this.#idIndex]),
      ts: Number(values[this.#timeIndex]),
      ingestTs: Number(row[values.length]),
      row: values,
    };
  }

  /** Whether the log has a delivery, each time that it is there once. */
  #has(partition: number, delivery: Delivery): boolean {
    const tail = this.#tail[partition];
    const name = nameOf(delivery);
    const count = tail.get(name) ?? 0;
    if (count > 0) tail.set(name, count - 1);
    return count > 0;
  }

  async #append(): Promise<void> {
    const { replay, source } = this.#options;
    if (this.#waiting.length === 0) return;
    const deliveries = this.#waiting;
    this.#waiting = [];
    await replay(source, deliveries);
    this.#appended += deliveries.length;
  }
}
