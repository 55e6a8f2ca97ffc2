import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { RootDatabase } from 'lmdb';
import { fail, type HeadraceError, isHeadraceError } from '../../../base/errors/fail.ts';
import type { MaybePromise } from '../../../base/maybe-promise.ts';
import type { TileLayout } from '../../../features/tile/tile-layout.ts';
import { emptyRun, type TileRun, takeTiles } from '../../../features/tile/tile-run.ts';
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
import { rowCodec } from '../../../schema/row-codec.ts';
import { acquireLock, type Lock } from '../lock.ts';
import { checkFile, type FileCheck, type IsSound } from './check-file.ts';
import { CommitBuffer } from './commit-buffer.ts';
import { CommitThread, type StoreDone, type StoreOrder } from './commit-thread.ts';
import { dropSome, spansOfSweep, sweepSome } from './drop-tiles.ts';
import { Entries, type KeySpan, storeFailure } from './entries.ts';
import { isSealed } from './entry-sum.ts';
import { KeptRows } from './kept-rows.ts';
import { KeyFilter } from './key-filter.ts';
import { uncheckedLeaves } from './leaf-check.ts';
import { Changes, NewsReader } from './news.ts';
import { openDatabase } from './open-database.ts';
import { Scrub, type ScrubAnswer } from './scrub.ts';
import {
  BLOCK_PLACE_BYTES,
  blockKey,
  currentKey,
  FORMAT_KEY,
  hopAndBlock,
  isBlockKey,
  POSITIONS,
  positionKey,
  rowKey,
  rowsOfGenerations,
  sweepKey,
  tileHeadOf,
  tilesOfKey,
  tilesOfView,
  writerOf,
} from './store-keys.ts';
import { appendBlock, blockOf, decodeBlock, TILES_PER_BLOCK } from './tile-block.ts';
import { writeCommit } from './write-commit.ts';

export interface OnlineStoreOptions {
  readonly path: string;
  /** `read`: beside a process that writes, without a lock. */
  readonly access?: 'write' | 'read';
  /** The most bytes of batch rows in memory; 64 MiB where it is left out. */
  readonly rowBytes?: number;
}

const FORMAT = '1';

/** Files of up to so many pages, 4 MiB, are checked whole before they are opened; the leaves of others before they are used. */
const WHOLE_PAGES = 1_024;

/** The generations of a batch view, as they stand. */
interface Generations {
  readonly current: BatchGeneration;
  readonly before: BatchGeneration | null;
}

/** Blocks of a read that are looked up one by one. */
const MOST_GETS = 8;

/** Numbers of a run that tiles are gathered in which the next key finds again: 512 KiB. */
const MOST_KEPT = 65_536;

/** Tiles that are written faster than a thread is started for them. */
const FEW_TILES = 2_000;

/** Entries that are dropped faster than a thread is started for them. */
const FEW_ENTRIES = 500;

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
    const filter = access === 'write' ? new KeyFilter() : null;
    const isSoundAndNoted: IsSound = (key, value) => isSound(key, value) && (filter === null || noted(filter, key));
    const found = checkFile(file, filter === null ? null : isSoundAndNoted, WHOLE_PAGES);
    const leaves = filter === null || found.isWhole ? null : uncheckedLeaves(found.pages);
    const database = openDatabase(file, access);
    const entries = new Entries(database, file, leaves);
    entries.checkLeaf(FORMAT_KEY);
    checkFormat(database, file, access);
    // Blocks of one key, about.
    const scrub = leaves === null ? null : new Scrub(file, leaves, found.entries / 2);
    const rows = new KeptRows(rowBytes);
    return new EmbeddedOnlineStore({
      entries,
      lock,
      filter,
      thread: new CommitThread(file, leaves),
      rows,
      scrub,
      file,
      found,
    });
  } catch (error) {
    lock?.release();
    if (isHeadraceError(error)) throw error;
    throw storeFailure(file, error);
  }
}

/** What opening a store gives. */
interface OpenedStore {
  readonly entries: Entries;
  readonly lock: Lock | null;
  readonly filter: KeyFilter | null;
  readonly thread: CommitThread;
  readonly rows: KeptRows;
  readonly scrub: Scrub | null;
  readonly found: FileCheck;
  readonly file: string;
}

/** Every entry has a sum but the format, which is looked at in all versions. */
function isSound(key: Uint8Array, value: Uint8Array): boolean {
  return key.length === FORMAT_KEY.length && key[0] === FORMAT_KEY[0] ? value.length > 0 : isSealed(key, value);
}

/** Notes the key of a block. */
function noted(filter: KeyFilter, key: Uint8Array): true {
  if (isBlockKey(key)) filter.add(key, key.length - BLOCK_PLACE_BYTES);
  return true;
}

function checkFormat(database: RootDatabase<Uint8Array, Uint8Array>, path: string, access: 'write' | 'read'): void {
  const found = database.get(Buffer.from(FORMAT_KEY));
  if (found !== undefined) {
    if (textOf(found) !== FORMAT) throw fail('STORE_FORMAT', { path, found: textOf(found), known: FORMAT });
  } else if (database.getKeysCount({ limit: 1 }) > 0) throw fail('STORE_CORRUPT', { path, reason: 'it has no format' });
  else if (access === 'write') database.putSync(Buffer.from(FORMAT_KEY), Buffer.from(FORMAT));
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
  /** The writer, which alone adds keys, knows which there may be. */
  readonly #filter: KeyFilter | null;
  readonly #thread: CommitThread;
  /** A commit that the thread writes; until it is over, other writes wait for it. */
  #writing: Promise<unknown> | null = null;
  readonly follow?: () => StoreNews | null;
  readonly hasReaders?: () => boolean;
  /** Whether it hears of every change: it changes the store itself, or follows who does. */
  #hears: boolean;
  #lookedAt = performance.now();
  readonly #known = new Map<string, Generations>();
  readonly #runs = new Map<TileLayout, TileRun>();
  /** By layout and read of a key: where the tiles of one key are gathered. */
  readonly #gathered = new Map<TileLayout, TileRun[]>();
  /** Generations that this writer has begun. */
  readonly #begun = new Map<string, number>();
  readonly #rows: KeptRows;

  /** Of a file whose leaves are checked behind the reads. */
  readonly #scrub: Scrub | null;
  readonly #found: FileCheck;
  readonly #file: string;
  #isScrubbed: boolean;
  #damage: HeadraceError | null = null;
  #unchecked: string | null = null;

  constructor({ entries, lock, filter, thread, rows, scrub, found, file }: OpenedStore) {
    this.#rows = rows;
    this.#scrub = scrub;
    this.#found = found;
    this.#file = file;
    this.#isScrubbed = scrub === null;
    void scrub?.ended.then((answer) => this.#scrubbed(answer));
    this.#entries = entries;
    this.#lock = lock;
    this.#filter = filter;
    this.#thread = thread;
    this.#hears = lock !== null;
    if (lock !== null) {
      this.hasReaders = () => this.#hasReaders();
      return;
    }
    const news = new NewsReader(entries);
    this.follow = () => this.#heard(news.follow());
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

  writeTiles({ tiles, writer, position, freshUntil }: TileCommit): MaybePromise<TileReport> {
    const buffer = this.#buffer();
    buffer.add(tiles);
    const chunks = buffer.finish();
    return this.#write(() => writeCommit(this.#entries, buffer.layouts, { writer, position, chunks, freshUntil }));
  }

  openCommit(): OpenCommit {
    const buffer = this.#buffer();
    return {
      add: (tiles) => buffer.add(tiles),
      finish: async ({ writer, position, freshUntil }) => {
        const commit = { writer, position, chunks: buffer.finish(), freshUntil };
        this.#lookAfterReaders();
        if (buffer.tiles <= FEW_TILES && !this.#thread.isRunning)
          return this.#write(() => writeCommit(this.#entries, buffer.layouts, commit));
        const views = buffer.layouts.map(({ view }) => view);
        return (await this.#inThread({ kind: 'commit', views, commit })).report;
      },
    };
  }

  async #inThread(order: StoreOrder): Promise<StoreDone> {
    while (this.#writing !== null) await this.#writing;
    const written = this.#thread.write(order);
    this.#writing = written
      .catch(() => undefined)
      .then(() => {
        this.#writing = null;
        this.#entries.refresh();
      });
    await this.#writing;
    return written;
  }

  #buffer(): CommitBuffer {
    return new CommitBuffer((key) => this.#filter?.add(key, key.length - BLOCK_PLACE_BYTES));
  }

  /** Writes at once, or after the commit that is on its way: LMDB would keep this thread waiting for it. */
  #write<T>(work: () => T): MaybePromise<T> {
    return this.#writing === null ? work() : this.#writing.then(() => this.#write(work));
  }

  /** What is remembered of batch views, as of the commit that the news are of. */
  #heard(news: StoreNews | null): StoreNews | null {
    this.#hears = true;
    if (news === null) return null;
    this.#known.clear();
    if (news.changed === null) this.#rows.clear();
    else for (const { viewId, key } of news.changed) this.#rows.delete(viewId, key);
    return news;
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
    return this.#json<Position>(positionKey(writer));
  }

  writers(): readonly string[] {
    return this.#entries.keys(POSITIONS).map(writerOf);
  }

  async writeBatch(of: BatchGeneration, features: Columns, rows: readonly BatchRow[]): Promise<void> {
    const { viewId, generation } = of;
    // A process that died may have left rows of it.
    if (this.#begun.get(viewId) !== generation)
      await this.#dropSpan(rowsOfGenerations(viewId, generation, generation + 1));
    this.#begun.set(viewId, generation);
    await this.#write(() => this.#writeRows(of, features, rows));
  }

  #writeRows({ viewId, generation }: BatchGeneration, features: Columns, rows: readonly BatchRow[]): void {
    const { encode } = rowCodec(features);
    this.#entries.write(() => {
      for (const row of rows) this.#entries.put(rowKey(viewId, generation, row.key), encode(row.values));
    });
  }

  /** Rows of older generations leave in steps, after the switch: nobody reads them. */
  async switchBatch(generation: BatchGeneration): Promise<void> {
    const { viewId } = generation;
    const kept = (await this.#write(() => this.#switchTo(generation))) ?? generation.generation;
    if (kept > 0) await this.#dropSpan(rowsOfGenerations(viewId, 0, kept));
    if (kept + 1 < generation.generation)
      await this.#dropSpan(rowsOfGenerations(viewId, kept + 1, generation.generation));
  }

  /** Gives the generation before; null: there is none. */
  #switchTo(generation: BatchGeneration): number | null {
    const { viewId } = generation;
    const before = this.#generations(viewId)?.current ?? null;
    this.#forget(viewId);
    this.#entries.write(() => {
      this.#entries.put(currentKey(viewId), json({ current: generation, before }));
      const changes = new Changes();
      changes.noteGeneration();
      changes.write(this.#entries);
    });
    return before?.generation ?? null;
  }

  readBatch(reads: readonly BatchRead[]): readonly (BatchAnswer | null)[] {
    return reads.map(({ viewId, features, key: entity }) => {
      const generation = this.#generations(viewId)?.current;
      if (generation === undefined) return null;
      return { generation, values: this.#row(generation, features, entity) };
    });
  }

  /** A walk over all keys of the view, in steps: commits come in between. */
  async dropTiles(layout: TileLayout, horizons: readonly TileHorizon[], signal?: AbortSignal): Promise<void> {
    for (const { start, end } of await this.#write(() => spansOfSweep(this.#entries, layout.viewId))) {
      let from: Uint8Array | null = start;
      if (!this.#thread.isRunning)
        from = await this.#write(() => sweepSome(this.#entries, { layout, horizons }, { start, end }, FEW_ENTRIES));
      while (from !== null) {
        if (signal?.aborted === true) return;
        const span: KeySpan = { start: from, end };
        from = (await this.#inThread({ kind: 'sweep', view: layout.view, horizons, span })).next;
      }
    }
  }

  async dropView(viewId: string, signal?: AbortSignal): Promise<void> {
    await this.#dropSpan(tilesOfView(viewId), signal);
    const place = sweepKey(viewId);
    if (signal?.aborted === true || this.#entries.get(place) === undefined) return;
    await this.#write(() => this.#entries.write(() => this.#entries.remove(place)));
  }

  /** Drops all entries of a span, in steps: commits come in between. */
  #dropSpan(span: KeySpan, signal?: AbortSignal): MaybePromise<void> {
    if (this.#thread.isRunning) return this.#dropRest(span, signal);
    const first = this.#write(() => dropSome(this.#entries, span, FEW_ENTRIES));
    if (first instanceof Promise) return first.then((hasMore) => (hasMore ? this.#dropRest(span, signal) : undefined));
    return first ? this.#dropRest(span, signal) : undefined;
  }

  async #dropRest(span: KeySpan, signal?: AbortSignal): Promise<void> {
    while (signal?.aborted !== true && (await this.#inThread({ kind: 'drop', span })).hasMore);
  }

  dropKey(layouts: readonly TileLayout[], batchViews: readonly string[], key: string): MaybePromise<void> {
    return this.#write(() => this.#dropAllOf(layouts, batchViews, key));
  }

  #dropAllOf(layouts: readonly TileLayout[], batchViews: readonly string[], key: string): void {
    this.#entries.write(() => {
      const changes = new Changes();
      for (const { viewId } of layouts) {
        const { start, end } = tilesOfKey(viewId, key);
        for (const entry of this.#entries.keys({ start, end })) this.#entries.remove(entry);
        changes.note(start, start.length);
      }
      for (const viewId of batchViews) {
        const { start } = tilesOfKey(viewId, key);
        changes.note(start, start.length);
        this.#dropRowsOf(viewId, key);
      }
      changes.write(this.#entries);
    });
    for (const viewId of batchViews) this.#rows.drop(viewId);
  }

  #dropRowsOf(viewId: string, key: string): void {
    const generations = this.#generations(viewId);
    const known = [generations?.current.generation, generations?.before?.generation, this.#begun.get(viewId)];
    for (const generation of known) if (generation !== undefined) this.#entries.remove(rowKey(viewId, generation, key));
  }

  #scrubbed(answer: ScrubAnswer): void {
    if (answer.kind === 'damaged') this.#damage = fail('STORE_CORRUPT', { path: this.#file, reason: answer.reason });
    if (answer.kind === 'failed') this.#unchecked = answer.reason;
    if (answer.kind !== 'whole') return;
    this.#filter?.absorb(answer.layers);
    this.#isScrubbed = true;
  }

  check(): StoreCheck {
    const { pages, read } = this.#found;
    return { pages, readAtOpen: read, isWhole: this.#isScrubbed, damage: this.#damage, unchecked: this.#unchecked };
  }

  memory(): Readonly<Record<'rows' | 'filters', number>> {
    return { rows: this.#rows.bytes, filters: this.#filter?.bytes ?? 0 };
  }

  async close(): Promise<void> {
    await this.#scrub?.close();
    await this.#writing;
    await this.#thread.close();
    await this.#entries.close();
    this.#lock?.release();
  }

  /** The tiles of a key, by read, in runs that the next key is gathered in. */
  #readKey(layout: TileLayout, entity: string, reads: readonly TileRead[]): readonly TileRun[] {
    const gathered = this.#gathering(layout, reads.length);
    if (reads.some(isWide)) this.#scanKey(layout, entity, reads, gathered);
    else
      reads.forEach((read, i) => {
        const { hopMs, from, to } = read;
        for (let block = blockOf(from, hopMs); block <= blockOf(to - 1, hopMs); block += 1) {
          const content = this.#entries.get(blockKey(layout.viewId, entity, hopMs, block));
          if (content !== undefined) this.#gather(read, block, content, gathered[i]);
        }
      });
    return gathered;
  }

  /** Reads of one key by a walk over all its blocks. */
  #scanKey(layout: TileLayout, entity: string, reads: readonly TileRead[], gathered: readonly TileRun[]): void {
    // Until the scrub has noted them, keys that were there before are in no filter.
    if (this.#isScrubbed && this.#filter?.mayHave(tileHeadOf(layout.viewId, entity)) === false) return;
    this.#entries.each(tilesOfKey(layout.viewId, entity), (found, content) => {
      const { hopMs, block } = hopAndBlock(found);
      const start = block * TILES_PER_BLOCK * hopMs;
      for (let i = 0; i < reads.length; i += 1) {
        const read = reads[i];
        if (read.hopMs === hopMs && start < read.to && start + TILES_PER_BLOCK * hopMs > read.from)
          this.#gather(read, block, content, gathered[i]);
      }
    });
  }

  /** Appends the tiles of a block that a read asks for. */
  #gather({ layout, hopMs, from, to }: TileRead, block: number, content: Uint8Array, into: TileRun): void {
    const start = block * TILES_PER_BLOCK * hopMs;
    if (start >= from && start + TILES_PER_BLOCK * hopMs <= to) decodeBlock(layout, hopMs, content, into);
    else appendBlock(layout, into, this.#decode(layout, hopMs, content), from, to);
  }

  /** Empty runs of a layout to gather the tiles of a key in. */
  #gathering(layout: TileLayout, count: number): readonly TileRun[] {
    let runs = this.#gathered.get(layout);
    if (runs === undefined) {
      runs = [];
      this.#gathered.set(layout, runs);
    }
    for (let i = 0; i < count; i += 1) {
      const known = runs[i];
      if (known === undefined || known.nums.length > MOST_KEPT) runs[i] = emptyRun(layout, TILES_PER_BLOCK);
      else known.length = 0;
    }
    return runs.slice(0, count);
  }

  /** A run of a layout to work in, emptied: a block is decoded, changed and encoded before the next. */
  #scratch(layout: TileLayout): TileRun {
    const known = this.#runs.get(layout) ?? emptyRun(layout, TILES_PER_BLOCK);
    this.#runs.set(layout, known);
    known.length = 0;
    return known;
  }

  /** The tiles of a block, valid until the next is decoded. */
  #decode(layout: TileLayout, hopMs: number, content: Uint8Array): TileRun {
    return decodeBlock(layout, hopMs, content, this.#scratch(layout));
  }

  #forget(viewId: string): void {
    this.#known.delete(viewId);
    this.#rows.drop(viewId);
    this.#begun.delete(viewId);
  }

  /** The values of a key in a generation; those of the current one are remembered where changes are heard of. */
  #row({ viewId, generation }: BatchGeneration, features: Columns, entity: string): BatchAnswer['values'] {
    const known = this.#rows.get(viewId, generation, entity);
    if (known !== undefined) return known;
    const bytes = this.#entries.get(rowKey(viewId, generation, entity));
    const values = bytes === undefined ? null : codecOf(features).decode(bytes);
    if (this.#hears) this.#rows.set(viewId, generation, entity, values);
    return values;
  }

  /** The generations of a batch view, remembered where it is heard of when they are switched. */
  #generations(viewId: string): Generations | null {
    const known = this.#known.get(viewId);
    if (known !== undefined) return known;
    const generations = this.#json<Generations>(currentKey(viewId));
    if (generations !== null && this.#hears) this.#known.set(viewId, generations);
    return generations;
  }

  #json<T>(entry: Uint8Array): T | null {
    const bytes = this.#entries.get(entry);
    return bytes === undefined ? null : (JSON.parse(textOf(bytes)) as T);
  }
}

const codecs = new WeakMap<Columns, ReturnType<typeof rowCodec>>();

function codecOf(features: Columns): ReturnType<typeof rowCodec> {
  const known = codecs.get(features);
  if (known !== undefined) return known;
  const codec = rowCodec(features, 'a batch row');
  codecs.set(features, codec);
  return codec;
}

/** Whether a read is answered by a walk over all blocks of its key, not by looking them up. */
function isWide({ hopMs, from, to }: TileRead): boolean {
  if (!Number.isFinite(from) || !Number.isFinite(to)) return true;
  return blockOf(to - 1, hopMs) - blockOf(from, hopMs) >= MOST_GETS;
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
