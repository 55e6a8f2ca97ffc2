import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fail, isHeadraceError } from '../../../base/errors/fail.ts';
import type { MaybePromise } from '../../../base/maybe-promise.ts';
import type { TileLayout } from '../../../features/tile/tile-layout.ts';
import { type TileRun, takeTiles } from '../../../features/tile/tile-run.ts';
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
  TileHorizon,
  TileRead,
  TileReport,
} from '../../../ports/online-store.ts';
import type { Position } from '../../../ports/position.ts';
import type { Columns } from '../../../schema/column.ts';
import { acquireLock, type Lock } from '../lock.ts';
import { BatchRows } from './batch-rows.ts';
import { checkFormat, writeFormat } from './check-format.ts';
import { CheckedFile } from './checked-file.ts';
import { CommitBuffer } from './commit-buffer.ts';
import { CommitThread } from './commit-thread.ts';
import { spansOfSweep, sweepSome } from './drop-tiles.ts';
import { Entries, type KeySpan, storeFailure } from './entries.ts';
import { GatheredTiles } from './gathered-tiles.ts';
import { jsonEntry } from './json-entry.ts';
import { KeptRows } from './kept-rows.ts';
import { Changes, NewsReader } from './news.ts';
import { openDatabase } from './open-database.ts';
import {
  BLOCK_PLACE_BYTES,
  blockKey,
  FORMAT_KEY,
  hopAndBlock,
  POSITIONS,
  positionKey,
  rowsOfGenerations,
  sweepKey,
  tileHeadOf,
  tilesOfKey,
  tilesOfView,
  windowsOfView,
  windowsPlace,
  writerOf,
} from './store-keys.ts';
import { blockOf, TILES_PER_BLOCK } from './tile-block.ts';
import { writeCommit } from './write-commit.ts';
import { FEW_ENTRIES, WriteTurns } from './write-turns.ts';

export interface OnlineStoreOptions {
  readonly path: string;
  /** `read`: next to a process that writes, without a lock. */
  readonly access?: 'write' | 'read';
  /** The most bytes of batch rows in memory; 64 MiB where it is left out. */
  readonly rowBytes?: number;
}

/** Blocks of a read that are looked up one by one. */
const MOST_GETS = 8;

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
    return new EmbeddedOnlineStore({ entries, lock, checked, writes, rows: new KeptRows(rowBytes) });
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
  readonly follow?: () => StoreNews | null;
  readonly hasReaders?: () => boolean;
  #lookedAt = performance.now();
  readonly #gathered = new GatheredTiles();
  readonly #batch: BatchRows;

  constructor({ entries, lock, checked, writes, rows }: OpenedStore) {
    this.#batch = new BatchRows(entries, rows, lock !== null);
    this.#entries = entries;
    this.#lock = lock;
    this.#checked = checked;
    this.#writes = writes;
    if (lock !== null) {
      this.hasReaders = () => this.#hasReaders();
      return;
    }
    const news = new NewsReader(entries);
    this.follow = () => this.#batch.heard(news.follow());
  }

  readTiles(reads: readonly TileRead[]): readonly TileRun[] {
    const runs: TileRun[] = [];
    while (runs.length < reads.length) {
      const { layout, key: entity } = reads[runs.length];
      let end = runs.length + 1;
      while (end < reads.length && reads[end].layout === layout && reads[end].key === entity) end += 1;
      for (const run of this.#readKey(layout, entity, reads.slice(runs.length, end))) runs.push(takeTiles(run, layout));
    }
    return runs;
  }

  readWindows(layout: TileLayout, key: string): Uint8Array | null {
    return this.#entries.get(windowsPlace(layout.viewId, key)) ?? null;
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
        this.#lookAfterReaders();
        if (buffer.tiles <= FEW_TILES && !this.#writes.isThreadRunning)
          return this.#writes.write(() => writeCommit(this.#entries, buffer.layouts, commit));
        const views = buffer.layouts.map(({ view }) => view);
        return (await this.#writes.inThread({ kind: 'commit', views, commit })).report;
      },
    };
  }

  #buffer(now = Number.NEGATIVE_INFINITY): CommitBuffer {
    return new CommitBuffer((key) => this.#checked.filter?.add(key, key.length - BLOCK_PLACE_BYTES), now);
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
    const { viewId, generation } = of;
    // A process that died may have left rows of it.
    if (!this.#batch.hasBegun(of)) await this.#writes.dropSpan(rowsOfGenerations(viewId, generation, generation + 1));
    this.#batch.begin(of);
    await this.#writes.write(() => this.#batch.write(of, features, rows));
  }

  /** Rows of older generations leave in steps, after the switch: nobody reads them. */
  async switchBatch(generation: BatchGeneration): Promise<void> {
    const { viewId } = generation;
    const kept = (await this.#writes.write(() => this.#batch.switchTo(generation))) ?? generation.generation;
    if (kept > 0) await this.#writes.dropSpan(rowsOfGenerations(viewId, 0, kept));
    if (kept + 1 < generation.generation)
      await this.#writes.dropSpan(rowsOfGenerations(viewId, kept + 1, generation.generation));
  }

  readBatch(reads: readonly BatchRead[]): readonly (BatchAnswer | null)[] {
    return reads.map(({ viewId, features, key: entity }) => {
      const generation = this.#batch.generations(viewId)?.current;
      if (generation === undefined) return null;
      return { generation, values: this.#batch.row(generation, features, entity) };
    });
  }

  /** A walk over all keys of the view, in steps: commits come in between. */
  async dropTiles(layout: TileLayout, horizons: readonly TileHorizon[], signal?: AbortSignal): Promise<void> {
    for (const { start, end } of await this.#writes.write(() => spansOfSweep(this.#entries, layout.viewId))) {
      let from: Uint8Array | null = start;
      if (!this.#writes.isThreadRunning)
        from = await this.#writes.write(() =>
          sweepSome(this.#entries, { layout, horizons }, { start, end }, FEW_ENTRIES),
        );
      while (from !== null) {
        if (signal?.aborted === true) return;
        const span: KeySpan = { start: from, end };
        from = (await this.#writes.inThread({ kind: 'sweep', view: layout.view, horizons, span })).next;
      }
    }
  }

  async dropView(viewId: string, signal?: AbortSignal): Promise<void> {
    await this.#writes.dropSpan(windowsOfView(viewId), signal);
    await this.#writes.dropSpan(tilesOfView(viewId), signal);
    const place = sweepKey(viewId);
    if (signal?.aborted === true || this.#entries.get(place) === undefined) return;
    await this.#writes.write(() => this.#entries.write(() => this.#entries.remove(place)));
  }

  dropKey(layouts: readonly TileLayout[], batchViews: readonly string[], key: string): MaybePromise<void> {
    return this.#writes.write(() => this.#dropAllOf(layouts, batchViews, key));
  }

  #dropAllOf(layouts: readonly TileLayout[], batchViews: readonly string[], key: string): void {
    this.#entries.write(() => {
      const changes = new Changes();
      for (const { viewId } of layouts) {
        const { start, end } = tilesOfKey(viewId, key);
        for (const entry of this.#entries.keys({ start, end })) this.#entries.remove(entry);
        this.#entries.remove(windowsPlace(viewId, key));
        changes.note(start, start.length);
      }
      for (const viewId of batchViews) {
        const { start } = tilesOfKey(viewId, key);
        changes.note(start, start.length);
        this.#batch.remove(viewId, key);
      }
      changes.write(this.#entries);
    });
    for (const viewId of batchViews) this.#batch.forgetRows(viewId);
  }

  check(): StoreCheck {
    return this.#checked.state;
  }

  memory(): Readonly<Record<'rows' | 'filters', number>> {
    return { rows: this.#batch.bytes, filters: this.#checked.filter?.bytes ?? 0 };
  }

  async close(): Promise<void> {
    await this.#writes.close();
    await this.#checked.close();
    await this.#entries.close();
    this.#lock?.release();
  }

  /** The tiles of a key, by read, in runs that the next key is gathered in. */
  #readKey(layout: TileLayout, entity: string, reads: readonly TileRead[]): readonly TileRun[] {
    const gathered = this.#gathered.empty(layout, reads.length);
    if (reads.some(isWide)) this.#scanKey(layout, entity, reads, gathered);
    else
      reads.forEach((read, i) => {
        const { hopMs, from, to } = read;
        for (let block = blockOf(from, hopMs); block <= blockOf(to - 1, hopMs); block += 1) {
          const content = this.#entries.get(blockKey(layout.viewId, entity, hopMs, block));
          if (content !== undefined) this.#gathered.gather(read, block, content, gathered[i]);
        }
      });
    return gathered;
  }

  /** Reads of one key by a walk over all its blocks. */
  #scanKey(layout: TileLayout, entity: string, reads: readonly TileRead[], gathered: readonly TileRun[]): void {
    if (this.#checked.isAbsent(tileHeadOf(layout.viewId, entity))) return;
    this.#entries.each(tilesOfKey(layout.viewId, entity), (found, content) => {
      const { hopMs, block } = hopAndBlock(found);
      const start = block * TILES_PER_BLOCK * hopMs;
      for (let i = 0; i < reads.length; i += 1) {
        const read = reads[i];
        if (read.hopMs === hopMs && start < read.to && start + TILES_PER_BLOCK * hopMs > read.from)
          this.#gathered.gather(read, block, content, gathered[i]);
      }
    });
  }
}

/** Whether a read is answered by a walk over all blocks of its key, not by looking them up. */
function isWide({ hopMs, from, to }: TileRead): boolean {
  if (!Number.isFinite(from) || !Number.isFinite(to)) return true;
  return blockOf(to - 1, hopMs) - blockOf(from, hopMs) >= MOST_GETS;
}
