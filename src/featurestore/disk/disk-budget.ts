import { fail } from '../../base/errors/fail.ts';
import type { Clock } from '../../base/time.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { timeColumnOf } from '../materialise/retain-history.ts';
import { DiskLedger, type DiskPart, nextDay, nothing, type PartBytes, partOf } from './disk-ledger.ts';

/**
 * The order of trimming beyond the budget of the whole. The part of the log that its readers do not need is in the
 * history as well. Then data of monitoring, data that events can restore, and the events last.
 */
const TRIMMED_FIRST: readonly DiskPart[] = ['log', 'served', 'monitoring', 'tiles', 'predictions', 'batch', 'events'];

/** Bytes that every table keeps in any case: backfills look there for the newest generation. */
const TABLE_FLOOR_BYTES = 1_000_000;

/** Share of the day's budget that is kept free for a flush, at most. */
const MOST_RESERVED = 1 / 8;

export interface DiskBudgetOptions {
  /** Budget of log, history and everything else in the directory together; Infinity: no budget. */
  readonly bytes: number;
  /** Bytes that a UTC day may add to log and history; Infinity: no budget. */
  readonly bytesPerDay: number;
  /** Where what each day added is kept. */
  readonly ledgerPath: string;
  readonly clock: Clock;
  /** Bytes in the directory besides log and history. */
  readonly elsewhere: () => number;
  readonly onFault: (error: unknown) => void;
  /** Bytes that every table of the history keeps in any case. */
  readonly tableFloorBytes?: number;
}

/** The measured stores. */
export interface MeasuredStores {
  readonly log: Pick<EventLog, 'ends'>;
  readonly offline: Pick<OfflineStore, 'tables'>;
  readonly topics: readonly string[];
  /** Those of them that have events: predictions and profiles are no events. */
  readonly sources: ReadonlySet<string>;
}

/** The stores whose bytes a flush compares with the budgets. */
export interface DiskStores extends MeasuredStores {
  readonly offline: Pick<OfflineStore, 'tables' | 'retain'>;
  /** Removes up to this many bytes from the log, where its readers allow it. */
  readonly shrinkLog: (bytes: number) => Promise<void>;
}

/** Where disk space stands. */
export interface DiskReport {
  readonly bytes: number | null;
  readonly bytesPerDay: number | null;
  /** Bytes kept now, by part, and besides log and history; as of the start or the last flush. */
  readonly kept: PartBytes;
  readonly elsewhereBytes: number;
  readonly keptBytes: number;
  /** Bytes that today and yesterday have added. */
  readonly today: PartBytes;
  readonly todayBytes: number;
  readonly todayRecords: number;
  readonly yesterdayBytes: number;
  /** Since the start. */
  readonly trimmed: PartBytes;
  readonly refusedEvents: number;
  readonly skippedRows: number;
  /** The budget for which events are refused now. */
  readonly over: 'day' | 'total' | null;
}

/**
 * The disk budgets of an environment. Every flush measures the bytes that a day adds and the bytes kept. Beyond the
 * budget of the whole the oldest data is trimmed. Beyond that of the day, or where trimming does not help, events are
 * refused before any of them is acknowledged, and served vectors are not logged. Everything that is trimmed, refused or
 * left out is counted.
 */
export class DiskBudget {
  readonly #options: DiskBudgetOptions;
  readonly #ledger: DiskLedger;
  #published = nothing();
  /** Events taken since the last flush. */
  #taken = 0;
  /** Bytes of the smallest flush of events today: without room for it no event is let in. */
  #least: { readonly day: number; readonly bytes: number } = { day: 0, bytes: 0 };
  #kept: PartBytes = nothing();
  #elsewhere = 0;
  #full = false;
  readonly #trimmed = nothing();
  #refused = 0;
  #skipped = 0;

  constructor(options: DiskBudgetOptions) {
    this.#options = options;
    this.#ledger = new DiskLedger(options.ledgerPath, options.onFault);
  }

  /** Counts the bytes published to a table. */
  published(table: string, bytes: number): void {
    this.#published[partOf(table)] += bytes;
  }

  /**
   * Lets events in, or refuses all of them; those of who waits with them are not counted as refused. Between flushes they count
   * as many bytes as those before them took. Errors: DISK_DAY, DISK_FULL.
   */
  mustTake(events: number, waits = false): void {
    const over = this.#over();
    if (over === null) {
      this.#taken += events;
      return;
    }
    if (!waits) this.#refused += events;
    const { bytes, bytesPerDay, clock } = this.#options;
    if (over === 'total') throw fail('DISK_FULL', { bytes, kept: this.#keptBytes() });
    throw fail('DISK_DAY', { bytesPerDay, until: new Date(nextDay(clock())).toISOString() });
  }

  /** Whether served vectors and refused events are kept now; notes how many are not. */
  mayLog(rows: number): boolean {
    if (this.#over() === null) return true;
    this.#skipped += rows;
    return false;
  }

  /** Measures what was added and is kept, and trims what is beyond the whole. Call it when everything is published. */
  async settle(stores: DiskStores): Promise<void> {
    const now = this.#options.clock();
    const day = this.#ledger.day(now);
    const before = { bytes: sum(day.bytes), records: day.records };
    await this.#countLog(stores);
    for (const part of parts(day.bytes)) day.bytes[part] += this.#published[part];
    if (day.records > before.records) this.#noteFlush(nextDay(now), sum(day.bytes) - before.bytes);
    this.#published = nothing();
    this.#taken = 0;
    this.#ledger.write();
    await this.measure(stores);
    for (const part of TRIMMED_FIRST) {
      if (this.#keptBytes() <= this.#options.bytes) break;
      const before = this.#kept[part];
      await this.#trim(part, this.#keptBytes() - this.#options.bytes, stores);
      await this.measure(stores);
      this.#trimmed[part] += Math.max(0, before - this.#kept[part]);
    }
    this.#full = this.#keptBytes() > this.#options.bytes;
  }

  report(): DiskReport {
    const { bytes, bytesPerDay, clock } = this.#options;
    const today = this.#ledger.day(clock());
    return {
      bytes: Number.isFinite(bytes) ? bytes : null,
      bytesPerDay: Number.isFinite(bytesPerDay) ? bytesPerDay : null,
      kept: this.#kept,
      elsewhereBytes: this.#elsewhere,
      keptBytes: this.#keptBytes(),
      today: today.bytes,
      todayBytes: sum(today.bytes),
      todayRecords: today.records,
      yesterdayBytes: sum(this.#ledger.day(clock() - 86_400_000).bytes),
      trimmed: this.#trimmed,
      refusedEvents: this.#refused,
      skippedRows: this.#skipped,
      over: this.#over(),
    };
  }

  #over(): 'day' | 'total' | null {
    if (this.#full) return 'total';
    const { bytesPerDay, clock } = this.#options;
    if (!Number.isFinite(bytesPerDay)) return null;
    const { bytes, records } = this.#ledger.day(clock());
    const used = sum(bytes);
    const least = this.#least.day === nextDay(clock()) ? this.#least.bytes : 0;
    // No more than a share: a day with one large flush has room for small ones.
    const flush = Math.min(least, MOST_RESERVED * bytesPerDay);
    const coming = records === 0 ? 0 : (this.#taken * used) / records;
    return used + Math.max(flush, coming) >= bytesPerDay ? 'day' : null;
  }

  #noteFlush(day: number, bytes: number): void {
    this.#least = { day, bytes: this.#least.day === day ? Math.min(this.#least.bytes, bytes) : bytes };
  }

  async #countLog({ log, topics, sources }: DiskStores): Promise<void> {
    const day = this.#ledger.day(this.#options.clock());
    for (const topic of topics) {
      const ends = await log.ends(topic);
      const known = this.#ledger.ends.get(topic);
      ends.forEach(({ begin, end, sizeBytes }, partition) => {
        const records = end - (known?.[partition] ?? begin);
        if (records <= 0) return;
        if (sources.has(topic)) day.records += records;
        day.bytes.log += end === begin ? 0 : Math.round((records * sizeBytes) / (end - begin));
      });
      this.#ledger.ends.set(
        topic,
        ends.map(({ end }) => end),
      );
    }
  }

  /** Measures the kept bytes, and changes nothing. */
  async measure({ log, offline, topics }: MeasuredStores): Promise<void> {
    const kept = nothing();
    for (const topic of topics) for (const { sizeBytes } of await log.ends(topic)) kept.log += sizeBytes;
    for (const { table, sizeBytes } of offline.tables()) kept[partOf(table.name)] += sizeBytes;
    this.#kept = kept;
    this.#elsewhere = this.#options.elsewhere();
  }

  async #trim(part: DiskPart, excess: number, { offline, shrinkLog }: DiskStores): Promise<void> {
    if (part === 'log') return shrinkLog(excess);
    const { tableFloorBytes = TABLE_FLOOR_BYTES } = this.#options;
    const tables = offline.tables().filter(({ table }) => partOf(table.name) === part);
    const all = tables.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
    for (const { table, sizeBytes } of tables) {
      const timeColumn = timeColumnOf(table);
      // Each by its share.
      const maxBytes = Math.max(tableFloorBytes, Math.floor(sizeBytes - (excess * sizeBytes) / all));
      if (timeColumn === undefined || sizeBytes <= maxBytes) continue;
      await offline.retain(table.name, { timeColumn, olderThan: Number.NEGATIVE_INFINITY, maxBytes });
    }
  }

  #keptBytes(): number {
    return sum(this.#kept) + this.#elsewhere;
  }
}

function parts(bytes: PartBytes): readonly DiskPart[] {
  return TRIMMED_FIRST.filter((part) => Object.hasOwn(bytes, part));
}

function sum(bytes: PartBytes): number {
  return Object.values(bytes).reduce((total, each) => total + each, 0);
}
