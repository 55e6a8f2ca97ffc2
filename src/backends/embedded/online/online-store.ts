import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fail, isHeadraceError } from '../../../base/errors/fail.ts';
import type { MaybePromise } from '../../../base/maybe-promise.ts';
import type { TileLayout } from '../../../features/tile/tile-layout.ts';
import type { TileRun } from '../../../features/tile/tile-run.ts';
import type {
  BatchAnswer,
  BatchGeneration,
  BatchRead,
  BatchRow,
  OnlineStore,
  OnlineStoreCapabilities,
  OpenCommit,
  StoreCheck,
  StoreNews,
  TileCommit,
  TileRead,
  TileReport,
  TileSweep,
} from '../../../ports/online-store.ts';
import type { Position } from '../../../ports/position.ts';
import type { Columns } from '../../../schema/column.ts';
import { acquireLock, type Lock } from '../lock.ts';
import { BatchRows } from './batch-rows.ts';
import { ChangedPages } from './changed-pages.ts';
import { checkFormat, writeFormat } from './check-format.ts';
import { CheckedFile } from './checked-file.ts';
import { CommitBuffer } from './commit-buffer.ts';
import { CommitThread } from './commit-thread.ts';
import { spansOfSweep } from './drop-tiles.ts';
import { EntityRecords, putPart, WINDOWS } from './entity-records.ts';
import { Entries, storeFailure } from './entries.ts';
import { FormerEntries } from './former-entries.ts';
import { FORMER_BLOCKS, FORMER_SWEEPS, FORMER_WINDOWS, formerOfView } from './former-keys.ts';
import { jsonEntry } from './json-entry.ts';
import { KeptRows } from './kept-rows.ts';
import { Changes, NewsReader } from './news.ts';
import { openDatabase } from './open-database.ts';
import { ROWS_AT_ONCE, rowOrders, writeRows } from './row-writes.ts';
import {
  blocksOfTier,
  FORMAT_KEY,
  POSITIONS,
  positionKey,
  RECORDS,
  recordPlace,
  rowsOfGenerations,
  writerOf,
} from './store-keys.ts';
import { TileReads } from './tile-reads.ts';
import { ViewNumbers } from './view-numbers.ts';
import { writeCommit } from './write-commit.ts';
import { WriteTurns } from './write-turns.ts';

export interface OnlineStoreOptions {
  readonly path: string;
  /** `read`: next to a process that writes, without a lock. */
  readonly access?: 'write' | 'read';
  /** The most bytes of batch rows in memory; 64 MiB where it is left out. */
  readonly rowBytes?: number;
}

/** Tiles that are written faster than a thread is started for them. */
const FEW_TILES = 2_000;

/** The writer looks this often whether readers have died, ms. */
const LOOK_EVERY_MS = 5_000;

/** Opens the LMDB store of a directory. Errors: STORE_LOCKED, STORE_ABSENT, STORE_CORRUPT, STORE_FORMAT, STORE_WRITE. */
export function openOnlineStore({ path, access = 'write', rowBytes }: OnlineStoreOptions): OnlineStore {
  const file = join(path, 'tiles.mdb');
  let lock: Lock | null = null;
  try {
    if (access === 'write') {
      mkdirSync(path, { recursive: true });
      lock = acquireLock(join(path, 'lock'));
      if (lock === null) throw fail('STORE_LOCKED', { path });
    } else if (!existsSync(file)) throw fail('STORE_ABSENT', { path: file });
    const checked = new CheckedFile(file, access);
    const database = openDatabase(file, access);
    const entries = new Entries(database, file, checked.pages);
    entries.checkPages(FORMAT_KEY);
    const format = checkFormat(database, file, access);
    const mayWrite = checked.scrub();
    const thread = new CommitThread(file, checked.pages);
    const upgrade = () => {
      if (access === 'write' && format === 'former') writeFormat(database);
    };
    if (mayWrite === null) upgrade();
    const writes = new WriteTurns(entries, thread, mayWrite?.then(upgrade));
    return new EmbeddedOnlineStore({
      entries,
      lock,
      checked,
      writes,
      rows: new KeptRows(rowBytes),
      former: new FormerEntries(entries),
      pages: new ChangedPages(file),
    });
  } catch (error) {
    lock?.release();
    if (isHeadraceError(error)) throw error;
    throw storeFailure(file, error);
  }
}

/** An opened store. */
interface OpenedStore {
  readonly entries: Entries;
  readonly lock: Lock | null;
  readonly checked: CheckedFile;
  readonly writes: WriteTurns;
  readonly rows: KeptRows;
  readonly former: FormerEntries;
  readonly pages: ChangedPages;
}

/**
 * Tiles in blocks of 32 hops, each read, upserted and written whole; the writer's position in the same transaction. Small
 * commits are written at once, others by a thread. A commit is on the disk when it returns (LMDB writes the pages, syncs, then switches to them): it survives the death of
 * the process and of the machine.
 */
class EmbeddedOnlineStore implements OnlineStore {
  readonly capabilities: OnlineStoreCapabilities = {
    durable: true,
    synchronousReads: true,
    sharedReads: true,
    atomicCommits: true,
  };
  readonly #entries: Entries;
  readonly #lock: Lock | null;
  readonly #checked: CheckedFile;
  readonly #writes: WriteTurns;
  readonly pages: ChangedPages;
  readonly follow?: () => StoreNews | null;
  readonly hasReaders?: () => boolean;
  #lookedAt = performance.now();
  readonly #tiles: TileReads;
  readonly #batch: BatchRows;
  readonly #records: EntityRecords;
  readonly #closing = new AbortController();
  readonly #former: FormerEntries;

  constructor({ entries, lock, checked, writes, rows, former, pages }: OpenedStore) {
    this.#entries = entries;
    this.#lock = lock;
    this.#checked = checked;
    this.#writes = writes;
    this.#former = former;
    this.pages = pages;
    this.#records = new EntityRecords(entries, new ViewNumbers(entries), lock !== null);
    this.#tiles = new TileReads(entries, checked, this.#records, former);
    this.#batch = new BatchRows(entries, this.#records, rows);
    if (lock !== null) {
      this.hasReaders = () => this.#hasReaders();
      if (former.isThere) void this.#moveFormer();
      return;
    }
    const news = new NewsReader(entries);
    this.follow = () => this.#heard(news.follow());
  }

  #heard(news: StoreNews | null): StoreNews | null {
    this.#records.hears = true;
    if (news === null) return null;
    this.#entries.changes += 1;
    this.#former.look();
    this.#batch.heard(news);
    return news;
  }

  /** Moves what a former format has elsewhere, in steps; a store that is closed meanwhile continues when it is opened again. */
  async #moveFormer(): Promise<void> {
    const { signal } = this.#closing;
    try {
      for (const span of [FORMER_WINDOWS, FORMER_BLOCKS]) await this.#writes.steps({ kind: 'move', span }, signal);
      if (signal.aborted) return;
      this.#former.look();
      await this.#writes.dropSpan(FORMER_SWEEPS, signal);
    } catch {
      // Reads find them where they are; writes fail for the same reason and say so.
    }
  }

  readTiles(reads: readonly TileRead[]): readonly TileRun[] {
    return this.#tiles.read(reads);
  }

  readWindows(layout: TileLayout, key: string): Uint8Array | null {
    const windows = this.#records.part(key, layout.viewId, WINDOWS);
    return windows ?? this.#former.windows(layout.viewId, key);
  }

  writeTiles({ tiles, writer, position, freshUntil }: TileCommit): MaybePromise<TileReport> {
    const buffer = this.#buffer(freshUntil);
    buffer.add(tiles);
    const chunks = buffer.finish();
    return this.#writes.write(() =>
      writeCommit(this.#entries, buffer.layouts, { writer, position, chunks, freshUntil }),
    );
  }

  openCommit(now?: number): OpenCommit {
    const buffer = this.#buffer(now);
    return {
      add: (tiles) => buffer.add(tiles),
      finish: async ({ writer, position, freshUntil }) => {
        const commit = { writer, position, chunks: buffer.finish(), freshUntil };
        this.pages.wrote(buffer.keys, buffer.copied);
        this.#lookAfterReaders();
        if (buffer.tiles <= FEW_TILES && !this.#writes.isThreadRunning)
          return this.#writes.write(() => writeCommit(this.#entries, buffer.layouts, commit));
        const views = buffer.layouts.map(({ view }) => view);
        return (await this.#writes.inThread({ kind: 'commit', views, commit })).report;
      },
    };
  }

  #buffer(now = Number.NEGATIVE_INFINITY): CommitBuffer {
    return new CommitBuffer((record) => this.#checked.filter?.add(record.subarray(1)), now);
  }

  #hasReaders(): boolean {
    if (!this.#entries.hasOtherReaders()) return false;
    this.#lookAfterReaders();
    return this.#entries.hasOtherReaders();
  }

  /** Now and then, before a commit and while there are some. */
  #lookAfterReaders(): void {
    if (performance.now() - this.#lookedAt < LOOK_EVERY_MS) return;
    this.#lookedAt = performance.now();
    this.#entries.dropDeadReaders();
  }

  position(writer: string): Position | null {
    return jsonEntry<Position>(this.#entries, positionKey(writer));
  }

  writers(): readonly string[] {
    return this.#entries.keys(POSITIONS).map(writerOf);
  }

  async writeBatch(of: BatchGeneration, features: Columns, rows: readonly BatchRow[]): Promise<void> {
    const place = await this.#writes.write(() => this.#batch.begin(of));
    const isSmall = rows.length <= ROWS_AT_ONCE && !this.#writes.isThreadRunning;
    for (const order of rowOrders(place, features, rows))
      if (isSmall) await this.#writes.write(() => writeRows(this.#entries, order));
      else await this.#writes.inThread(order);
  }

  /** Rows of older generations, and of attempts that were not switched to, leave in steps, after the switch: nobody reads them. */
  async switchBatch(generation: BatchGeneration): Promise<void> {
    const { viewId, generation: current } = generation;
    const { kept, apart } = await this.#writes.write(() => this.#batch.switchTo(generation));
    if (kept !== null) await this.#writes.steps({ kind: 'dropParts', kept, span: RECORDS });
    const last = Math.max(current, apart ?? 0) + 1;
    await this.#writes.dropSpan(rowsOfGenerations(viewId, 0, apart ?? last));
    if (apart !== null) await this.#writes.dropSpan(rowsOfGenerations(viewId, apart + 1, last));
  }

  readBatch(reads: readonly BatchRead[]): readonly (BatchAnswer | null)[] {
    return reads.map(({ viewId, features, key: entity }) => {
      const generations = this.#batch.generations(viewId);
      if (generations === null) return null;
      return { generation: generations.current, values: this.#batch.row(generations, features, entity) };
    });
  }

  /** A walk over all keys, in steps: commits come in between. */
  async dropTiles(sweeps: readonly TileSweep[], signal?: AbortSignal): Promise<void> {
    const views = sweeps.map(({ layout: { view }, horizons }) => ({ view, horizons }));
    for (const span of await this.#writes.write(() => spansOfSweep(this.#entries)))
      await this.#writes.steps({ kind: 'sweep', views, span }, signal);
  }

  async dropView(viewId: string, signal?: AbortSignal): Promise<void> {
    const kept = { viewId, attempts: [], from: WINDOWS + 1 };
    await this.#writes.steps({ kind: 'dropParts', kept, span: RECORDS }, signal);
    for (const span of formerOfView(viewId)) await this.#writes.dropSpan(span, signal);
  }

  dropKey(layouts: readonly TileLayout[], batchViews: readonly string[], key: string): MaybePromise<void> {
    return this.#writes.write(() => this.#dropAllOf(layouts, batchViews, key));
  }

  #dropAllOf(layouts: readonly TileLayout[], batchViews: readonly string[], key: string): void {
    this.#entries.write(() => {
      const changes = new Changes();
      for (const layout of layouts) {
        this.#dropTilesOf(layout, key);
        const number = this.#records.numberOf(layout.viewId);
        if (number !== null)
          putPart(this.#entries, recordPlace(key), { view: number, attempt: WINDOWS, content: null });
        this.#former.removeKey(layout.viewId, key, layout.view.hopsMs);
        changes.note(layout.viewId, recordPlace(key));
      }
      for (const viewId of batchViews) {
        changes.note(viewId, recordPlace(key));
        this.#batch.remove(viewId, key);
      }
      changes.write(this.#entries);
    });
    for (const viewId of batchViews) this.#batch.forgetRows(viewId);
  }

  #dropTilesOf(layout: TileLayout, key: string): void {
    for (const hopMs of layout.view.hopsMs) {
      const tier = this.#records.tierOf(layout, hopMs);
      if (tier === null) continue;
      const span = blocksOfTier(recordPlace(key), tier, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
      for (const entry of this.#entries.keys(span)) this.#entries.remove(entry);
    }
  }

  check(): StoreCheck {
    return this.#checked.state;
  }

  memory(): Readonly<Record<'rows' | 'filters', number>> {
    return { rows: this.#batch.bytes, filters: this.#checked.filter?.bytes ?? 0 };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#writes.close();
    await this.#checked.close();
    await this.#entries.close();
    this.#lock?.release();
  }
}
