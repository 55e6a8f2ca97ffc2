import { setImmediate } from 'node:timers/promises';
import { fail } from '../base/errors/fail.ts';
import type { TileLayout } from '../features/tile/tile-layout.ts';
import { isFull, type QueueReport } from '../observe/queue-report.ts';
import type { TableAppend } from '../ports/offline-store.ts';
import { Background } from '../schedule/background.ts';
import type { BatchSchedule } from './batch/batch-schedule.ts';
import type { FeatureStoreOptions } from './feature-store-options.ts';
import { dropUndeclared } from './fill-marks.ts';
import type { LogRetention } from './log-retention.ts';
import { type Archive, CHANGE_BYTES } from './materialise/archive.ts';
import type { Materialiser } from './materialise/materialiser.ts';
import { retainHistory } from './materialise/retain-history.ts';
import type { SampleRoom } from './skew/sampled-rows.ts';
import type { ServedPublisher } from './skew/served-publisher.ts';
import type { SkewSchedule } from './skew/skew-schedule.ts';

/**
 * Deliveries from which on the tiles are committed at any time: a commit writes every page that holds a changed tile,
 * so that few large ones cost much less than many small ones. The log has what is not committed.
 */
const COMMIT_EVERY = 250_000;

/** Longest time between two commits while events come, ms: what a restart has to read again. */
const COMMIT_AFTER_MS = 10_000;

/** Longest time without a commit while other processes read, ms: the age of their answers. */
const SHARE_IDLE_MS = 500;

/** Longest time that rows wait to be published while the store ticks, ms. */
const FLUSH_AFTER_MS = 60_000;

/** Time between two comparisons of a history file with its checksum, ms. */
const SCRUB_EVERY_MS = 10_000;

/** Rows waiting for the offline store above which they are published in the background. */
const PUBLISH_ABOVE = 300_000;

/** Uncommitted deliveries from which on they are published first: most of their tiles need not be written then. */
const PUBLISH_FIRST = 25_000;

/** Shortest time between two searches for unreachable tiles, ms: each visits every key. */
const DROP_AFTER_MS = 30_000;

export interface WriteCycleOptions extends Pick<FeatureStoreOptions, 'online' | 'offline' | 'retention' | 'tracer'> {
  readonly layouts: readonly TileLayout[];
  readonly materialiser: Materialiser;
  readonly archive: Archive;
  readonly batch: BatchSchedule;
  readonly skew: SkewSchedule;
  readonly served: ServedPublisher;
  readonly log: LogRetention;
  readonly onFault: (error: unknown) => void;
  /** The rows that `drainServed` would return. */
  readonly sampled: Pick<SampleRoom, 'rows' | 'bytes'>;
  /** The most bytes that may wait for the history. */
  readonly mostBytes: number;
  readonly drainServed: () => readonly TableAppend[];
  /** Exchanges news with the processes that write the tiles; null: this one writes them. */
  readonly hear: (() => Promise<void>) | null;
}

/** Writes what was taken to both stores, as is due: commits of tiles, publishes of the history, then retention. */
export class WriteCycle {
  readonly #options: WriteCycleOptions;
  readonly #committing = new Background();
  readonly #flushing = new Background();
  readonly #scrubbing = new Background();
  readonly #dropping = new Background();
  readonly #closing = new AbortController();
  #committedAt = performance.now();
  #flushedAt = performance.now();
  #droppedAt = performance.now();
  #scrubbedAt = performance.now();
  #undeclaredDropped = false;
  /** Calls that waited for room in the history's queue. */
  #waits = 0;

  constructor(options: WriteCycleOptions) {
    this.#options = options;
  }

  /** The rows that wait for the history. */
  queue(): QueueReport {
    const { archive, materialiser, served, mostBytes, sampled } = this.#options;
    const others = materialiser.tiles.untold * CHANGE_BYTES + sampled.bytes;
    return {
      name: 'history',
      rows: this.#waiting(),
      bytes: archive.waiting.bytes + served.waitingBytes + others,
      mostBytes,
      turnedAway: this.#waits,
      whenFull: 'calls that bring events wait',
    };
  }

  /**
   * Room for events in the history's queue: null, or what the caller waits for. Publishes begin before it is full. Error: HISTORY_FULL,
   * where the queue is full and cannot be published.
   */
  room(): Promise<void> | null {
    const { bytes, mostBytes } = this.queue();
    if (bytes < mostBytes / 2) return null;
    this.#flushing.start(() => this.#publish(() => this.#isCommitDue()));
    return bytes < mostBytes ? null : this.#waitForRoom();
  }

  async #waitForRoom(): Promise<void> {
    this.#waits += 1;
    for (let queue = this.queue(); isFull(queue); queue = this.queue()) {
      this.#flushing.start(() => this.#publish(() => this.#isCommitDue()));
      await this.#flushing.ended();
      if (this.#flushing.failed && isFull(this.queue()))
        throw fail('HISTORY_FULL', { rows: queue.rows, bytes: queue.bytes, most: queue.mostBytes });
    }
  }

  /** Starts a commit if much waits for one, and says what the caller has to wait for; null: nothing. */
  pressure(): Promise<unknown> | null {
    const { uncommitted, tiles } = this.#options.materialiser;
    if (uncommitted >= COMMIT_EVERY || tiles.mustCommit) this.#committing.start(() => this.commit());
    // Calls that write faster than can be committed wait.
    if (uncommitted >= 2 * COMMIT_EVERY || tiles.isFull) return this.#committing.settled();
    // A commit runs in turns of the event loop between those of callers, who may never leave it one.
    return this.#committing.busy ? setImmediate() : null;
  }

  /** Does what is due. Publishes and retention continue in the background; a later call throws their errors. */
  async tick(): Promise<void> {
    const { materialiser, archive, batch, skew, hear, onFault } = this.#options;
    for (const work of [this.#committing, this.#flushing, this.#scrubbing, this.#dropping]) work.check();
    await hear?.().catch(onFault);
    const { uncommitted } = materialiser;
    // A publish that runs ends with a commit, and if there is much to commit one begins before it.
    const publishFirst = uncommitted >= PUBLISH_FIRST;
    const commitDue = this.#isCommitDue() || this.hasReaders;
    if (uncommitted > 0 && !publishFirst && commitDue && !this.#flushing.busy)
      this.#committing.start(() => this.commit());
    if (batch.due().length > 0) {
      await archive.publishDeliveries();
      await batch.runDue();
    }
    if (batch.dueScores().length > 0) await archive.publishDeliveries();
    batch.startDueScores();
    if (skew.due) {
      await this.flush();
      await skew.runDue();
    }
    await this.#publishDue(publishFirst);
    // Background work has its turns between those of callers, who may never leave the event loop one.
    if (this.#flushing.busy || this.#committing.busy) await setImmediate();
  }

  async #publishDue(publishFirst: boolean): Promise<void> {
    const waiting = this.#waiting();
    if (isFull(this.queue())) await this.#flushing.ended();
    const overdue = performance.now() - this.#flushedAt >= FLUSH_AFTER_MS;
    const isMuch = waiting >= PUBLISH_ABOVE || this.queue().bytes >= this.#options.mostBytes / 2;
    if (isMuch || overdue || (publishFirst && this.#isCommitDue()))
      this.#flushing.start(() => this.#publish(() => this.#isCommitDue()));
    if (waiting === 0 && performance.now() - this.#scrubbedAt >= SCRUB_EVERY_MS) this.#scrub();
  }

  /** Compares one file of the history with its checksum, and reports new damage once. */
  #scrub(): void {
    const { offline, onFault } = this.#options;
    this.#scrubbedAt = performance.now();
    this.#scrubbing.start(async () => {
      const known = new Set(offline.damaged().map(({ file }) => file));
      const damaged = await offline.check(1);
      for (const { file, reason } of damaged) if (!known.has(file)) onFault(fail('OFFLINE_CORRUPT', { file, reason }));
    });
  }

  /** Writes the changed tiles, and the position in the log, to the online store. */
  async commit(): Promise<void> {
    const { materialiser, tracer } = this.#options;
    this.#committedAt = performance.now();
    const span = tracer?.begin('commit') ?? null;
    span?.set({ 'headrace.events': materialiser.uncommitted });
    await (span === null ? materialiser.commit() : span.around(() => materialiser.commit()));
  }

  /** Whether other processes read what this one commits, as far as the store knows without a request. */
  get hasReaders(): boolean {
    return this.#options.online.hasReaders?.() ?? false;
  }

  /** Commits if readers of other processes wait for it: new events, or the news that there are none. */
  async share(): Promise<void> {
    const { remote, uncommitted } = this.#options.materialiser;
    // A store over a network is committed to anyway.
    if (remote !== null) return;
    if (uncommitted > 0 || performance.now() - this.#committedAt >= SHARE_IDLE_MS) await this.commit();
  }

  /** Commits the tiles and publishes everything that waits; every store then has what was ingested before. */
  flush(): Promise<void> {
    return this.#publish(() => true);
  }

  /** Ends the background work, then flushes. */
  async close(): Promise<void> {
    const { materialiser, onFault } = this.#options;
    await this.#options.batch.close();
    await materialiser.close();
    await this.#scrubbing.settled().catch(onFault);
    try {
      await this.flush();
    } finally {
      this.#closing.abort();
      await this.#dropping.settled().catch(onFault);
    }
  }

  #isCommitDue(): boolean {
    return performance.now() - this.#committedAt >= COMMIT_AFTER_MS;
  }

  #waiting(): number {
    const { archive, materialiser, served, sampled } = this.#options;
    const { deliveries, tiles } = archive.waiting;
    return deliveries + tiles + materialiser.tiles.untold + sampled.rows + served.waiting;
  }

  /** Publishes everything that waits and, if `commits` then says so, commits the tiles. */
  async #publish(commits: () => boolean): Promise<void> {
    const { materialiser, archive, served, offline, retention, log } = this.#options;
    this.#flushedAt = performance.now();
    const { position, clock } = await materialiser.tellChanges();
    // Drained before the deliveries and published after them: a reader of a logged vector finds every event that it had.
    const vectors = this.#options.drainServed();
    try {
      await Promise.all([archive.publishDeliveries(), archive.publishTiles(position, clock)]);
    } catch (error) {
      served.keep(vectors);
      throw error;
    } finally {
      // After the history: tiles that it has, and that no window can reach, need not be written to the online store.
      if (commits()) await this.commit();
    }
    await served.publish(vectors);
    await retainHistory(offline, retention.historyBytes);
    // It visits every key: neither this publish nor the next one waits for it.
    if (!this.#closing.signal.aborted) this.#dropping.start(() => this.#dropTiles());
    await log.retain();
    await log.settleDisk();
  }

  /** Drops tiles that nothing can reach, and once those of layouts that are not declared, until the store is closed. */
  async #dropTiles(): Promise<void> {
    const { materialiser, layouts, online } = this.#options;
    const { signal } = this.#closing;
    if (performance.now() - this.#droppedAt >= DROP_AFTER_MS) {
      this.#droppedAt = performance.now();
      await materialiser.dropUnreachable(signal);
    }
    if (this.#undeclaredDropped) return;
    await dropUndeclared(layouts, online, signal);
    this.#undeclaredDropped = true;
  }
}
