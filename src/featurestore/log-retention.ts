import type { Clock } from '../base/time.ts';
import type { EventSourceData } from '../features/define/declaration.ts';
import type { EventLog } from '../ports/event-log.ts';
import type { OfflineStore } from '../ports/offline-store.ts';
import type { DiskBudget, DiskStores } from './disk/disk-budget.ts';
import type { FeatureStoreOptions, LoggedTopic } from './feature-store-options.ts';
import { topicOf } from './ingest/gateway.ts';

export interface LogRetentionOptions {
  readonly log: EventLog;
  readonly offline: OfflineStore;
  readonly clock: Clock;
  readonly retention: FeatureStoreOptions['retention'];
  readonly disk: DiskBudget | undefined;
  readonly sources: readonly EventSourceData[];
  readonly otherTopics: readonly LoggedTopic[];
  /** Further readers of the sources' topics. */
  readonly otherReaders: readonly LoggedTopic[];
  /** Each returns the first offsets of a source, by partition, that a restart of a reader has to read. */
  readonly keepFrom: readonly ((source: EventSourceData) => Promise<readonly number[]>)[];
}

/**
 * Trims the log to its retention and the disk budget. It keeps all records that a restart of any reader has to read.
 */
export class LogRetention {
  readonly #options: LogRetentionOptions;

  constructor(options: LogRetentionOptions) {
    this.#options = options;
  }

  /** Drops records that are older than the retention and that every store has. */
  async retain(): Promise<void> {
    const { log, retention, clock } = this.#options;
    for (const { topic, keepFrom } of this.#topics()) {
      await log.retain(topic, {
        olderThanIngestTs: clock() - retention.logAgeMs,
        maxBytes: retention.logBytes,
        keepFrom: await keepFrom(),
      });
    }
  }

  /** Measures the bytes on the disk that count against its budgets. */
  async measureDisk(): Promise<void> {
    await this.#options.disk?.measure(this.#disk());
  }

  /** Compares the bytes on the disk with its budgets, and trims the log if they exceed them. */
  async settleDisk(): Promise<void> {
    await this.#options.disk?.settle({ ...this.#disk(), shrinkLog: (bytes) => this.#shrink(bytes) });
  }

  #disk(): Pick<DiskStores, 'topics' | 'sources'> & { readonly log: EventLog; readonly offline: OfflineStore } {
    const { log, offline, sources } = this.#options;
    return { log, offline, topics: this.#topics().map(({ topic }) => topic), sources: new Set(sources.map(topicOf)) };
  }

  /** Drops that many bytes of the log, from each topic its share, as far as its readers do not need them. */
  async #shrink(bytes: number): Promise<void> {
    const { log } = this.#options;
    const sizes = new Map<LoggedTopic, number>();
    for (const logged of this.#topics()) {
      const ends = await log.ends(logged.topic);
      const size = ends.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      sizes.set(logged, size);
    }
    const all = [...sizes.values()].reduce((total, size) => total + size, 0);
    for (const [{ topic, keepFrom }, size] of sizes)
      await log.retain(topic, {
        olderThanIngestTs: Number.NEGATIVE_INFINITY,
        maxBytes: Math.max(0, Math.floor(size - (bytes * size) / Math.max(1, all))),
        keepFrom: await keepFrom(),
      });
  }

  async #keepFrom(source: EventSourceData): Promise<readonly number[]> {
    const { keepFrom: own, otherReaders } = this.#options;
    const readers = otherReaders.filter(({ topic }) => topic === topicOf(source));
    const [first, ...others] = await Promise.all([
      ...own.map((keepFrom) => keepFrom(source)),
      ...readers.map(({ keepFrom }) => keepFrom()),
    ]);
    return (first ?? []).map((offset, partition) => Math.min(offset, ...others.map((other) => other[partition])));
  }

  /** All topics of the log that this process fills. */
  #topics(): readonly LoggedTopic[] {
    const { sources, otherTopics } = this.#options;
    return [
      ...sources.map((source) => ({ topic: topicOf(source), keepFrom: () => this.#keepFrom(source) })),
      ...otherTopics,
    ];
  }
}
