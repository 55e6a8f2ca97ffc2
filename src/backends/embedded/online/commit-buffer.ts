import { ByteReader, ByteWriter } from '../../../base/bytes.ts';
import { START, type TileLayout } from '../../../features/tile/tile-layout.ts';
import { NO_OBJECTS, type TileRun } from '../../../features/tile/tile-run.ts';
import { storesWindows, WindowsWriter } from '../../../features/window/stored-windows.ts';
import type { TileWrite } from '../../../ports/online-store.ts';
import { recordPlace } from './store-keys.ts';
import { blockOf } from './tile-block.ts';

/**
 * Tiles of a commit, copied out of the memory of their writer, by the blocks that they go into.
 *
 * ```
 * numbers = *(block / windows)       ; f64
 * block   = layout hopMs tiles keyBytes number *(tile)
 * windows = layout %d0 size keyBytes number ; after the blocks of a key; a size of 0: they are not known; number: 0
 * tile    = the numbers of the tile, as they lie in memory
 * bytes   = *(key *(object) / key windows) ; the place of the key's record, then the tiles' objects by the aggregates' codecs
 * ```
 */
export interface CommitChunk {
  readonly numbers: Float64Array<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const BLOCK_NUMBERS = 5;

/** In place of the hop of a block: the stored windows of a key. */
const WINDOWS = 0;

/** Numbers of a chunk: 256 KiB. */
const CHUNK_NUMBERS = 32_768;

/** Bytes from which on a chunk is full: 1 MiB. */
const CHUNK_BYTES = 2 ** 20;

/** Collects the tiles of a commit. Hot path: once for every tile that changed. */
export class CommitBuffer {
  /** The layouts of the tiles, by the index that blocks have. */
  readonly layouts: TileLayout[] = [];
  tiles = 0;
  /** The keys of views that they are of. */
  keys = 0;
  /** Bytes of the chunks that are full. */
  copied = 0;
  readonly #chunks: CommitChunk[] = [];
  readonly #indexes = new Map<TileLayout, number>();
  readonly #bytes = new ByteWriter(CHUNK_NUMBERS);
  readonly #see: (record: Uint8Array) => void;
  readonly #now: number;
  readonly #writers = new Map<TileLayout, WindowsWriter | null>();
  #numbers = new Float64Array(CHUNK_NUMBERS);
  #used = 0;

  /** `see` is called with the record's place of every key; windows are stored as of `now`, epoch ms. */
  constructor(see: (record: Uint8Array) => void, now: number) {
    this.#see = see;
    this.#now = now;
  }

  add(tiles: readonly TileWrite[]): void {
    for (let i = 0; i < tiles.length; ) {
      const tile = tiles[i];
      const record = recordPlace(tile.key);
      this.#see(record);
      this.keys += 1;
      do i = this.#addBlock(tiles, i, record);
      while (i < tiles.length && tiles[i].key === tile.key && tiles[i].layout === tile.layout);
      this.#addWindows(tile, record);
    }
    this.tiles += tiles.length;
  }

  /** After the tiles of a key: its windows, where all of its tiles are known. */
  #addWindows({ layout, all }: TileWrite, record: Uint8Array): void {
    const writer = this.#writerOf(layout);
    if (writer === null) return;
    const windows = all === undefined ? null : writer.write(all, this.#now);
    this.#room(BLOCK_NUMBERS);
    this.#bytes.bytes(record);
    if (windows !== null) this.#bytes.bytes(windows);
    this.#head(layout, WINDOWS, windows?.length ?? 0, record.length, 0);
  }

  #writerOf(layout: TileLayout): WindowsWriter | null {
    const known = this.#writers.get(layout);
    if (known !== undefined) return known;
    const made = storesWindows(layout) ? new WindowsWriter(layout) : null;
    this.#writers.set(layout, made);
    return made;
  }

  /** All that was added. */
  finish(): readonly CommitChunk[] {
    this.#cut();
    return this.#chunks;
  }

  /** Adds the tiles from `first` that are of one block; returns the index after them. */
  #addBlock(tiles: readonly TileWrite[], first: number, record: Uint8Array): number {
    const { layout, hopMs } = tiles[first];
    const block = blockOf(startOf(tiles[first]), hopMs);
    const end = endOfBlock(tiles, first, block);
    this.#room(BLOCK_NUMBERS + (end - first) * layout.numbers);
    this.#bytes.bytes(record);
    this.#head(layout, hopMs, end - first, record.length, block);
    for (let i = first; i < end; i += 1) this.#addTile(layout, tiles[i].run, tiles[i].index);
    return end;
  }

  #head(layout: TileLayout, hopMs: number, count: number, keyBytes: number, block: number): void {
    const numbers = this.#numbers;
    numbers[this.#used] = this.#indexOf(layout);
    numbers[this.#used + 1] = hopMs;
    numbers[this.#used + 2] = count;
    numbers[this.#used + 3] = keyBytes;
    numbers[this.#used + 4] = block;
    this.#used += BLOCK_NUMBERS;
  }

  #addTile(layout: TileLayout, run: TileRun, index: number): void {
    const from = index * layout.numbers;
    const numbers = this.#numbers;
    const used = this.#used;
    for (let n = 0; n < layout.numbers; n += 1) numbers[used + n] = run.nums[from + n];
    this.#used = used + layout.numbers;
    if (layout.objects === 0) return;
    for (const { aggregate, obj } of layout.partials)
      aggregate.codec?.encode(this.#bytes, run, index * layout.objects + obj);
  }

  #indexOf(layout: TileLayout): number {
    const known = this.#indexes.get(layout);
    if (known !== undefined) return known;
    this.#indexes.set(layout, this.layouts.length);
    return this.layouts.push(layout) - 1;
  }

  #room(numbers: number): void {
    if (this.#used + numbers <= this.#numbers.length && this.#bytes.length < CHUNK_BYTES) return;
    this.#cut();
    if (numbers > this.#numbers.length) this.#numbers = new Float64Array(numbers);
  }

  #cut(): void {
    if (this.#used === 0) return;
    const chunk = { numbers: this.#numbers.slice(0, this.#used), bytes: new Uint8Array(this.#bytes.view()) };
    this.#chunks.push(chunk);
    this.copied += chunk.numbers.byteLength + chunk.bytes.byteLength;
    this.#used = 0;
    this.#bytes.clear();
  }
}

/** Receives the content of a {@link CommitBuffer}. */
export interface TakesChunk {
  /** The tiles of one block: the place of its key's record, its tier and number, and a run that has them and is valid until the next. */
  block(layout: TileLayout, hopMs: number, record: Uint8Array, block: number, tiles: TileRun): void;
  /** After the blocks of a key: the place of its record, and its windows; null: they are not known. */
  windows(layout: TileLayout, record: Uint8Array, windows: Uint8Array | null): void;
}

const reader = new ByteReader('a commit of tiles');

/** Reads what a {@link CommitBuffer} collected, in order. Hot path. */
export function readChunk({ numbers, bytes }: CommitChunk, layouts: readonly TileLayout[], take: TakesChunk): void {
  reader.reset(bytes);
  for (let at = 0; at < numbers.length; ) {
    const layout = layouts[numbers[at]];
    const count = numbers[at + 2];
    const key = reader.bytes(numbers[at + 3]);
    if (numbers[at + 1] === WINDOWS) {
      take.windows(layout, key, count === 0 ? null : reader.bytes(count));
      at += BLOCK_NUMBERS;
      continue;
    }
    const end = at + BLOCK_NUMBERS + count * layout.numbers;
    const objs = layout.objects === 0 ? NO_OBJECTS : new Array<unknown>(count * layout.objects);
    const run = { length: count, nums: numbers.subarray(at + BLOCK_NUMBERS, end), objs };
    if (layout.objects > 0) readObjects(layout, run);
    take.block(layout, numbers[at + 1], key, numbers[at + 4], run);
    at = end;
  }
}

function readObjects(layout: TileLayout, run: TileRun): void {
  for (let i = 0; i < run.length; i += 1)
    for (const { aggregate, obj } of layout.partials) aggregate.codec?.decode(reader, run, i * layout.objects + obj);
}

/** Index behind the tiles from `first` on that are of its block. */
function endOfBlock(tiles: readonly TileWrite[], first: number, block: number): number {
  const { layout, hopMs, key } = tiles[first];
  let end = first + 1;
  for (; end < tiles.length; end += 1) {
    const tile = tiles[end];
    if (tile.layout !== layout || tile.hopMs !== hopMs || tile.key !== key || blockOf(startOf(tile), hopMs) !== block)
      break;
  }
  return end;
}

function startOf({ layout, run, index }: TileWrite): number {
  return run.nums[index * layout.numbers + START];
}
