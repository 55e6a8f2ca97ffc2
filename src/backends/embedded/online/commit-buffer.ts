import { ByteReader, ByteWriter } from '../../../base/bytes.ts';
import { START, type TileLayout } from '../../../features/tile/tile-layout.ts';
import { NO_OBJECTS, type TileRun } from '../../../features/tile/tile-run.ts';
import type { TileWrite } from '../../../ports/online-store.ts';
import { blockPlace } from './store-keys.ts';
import { blockOf } from './tile-block.ts';

/**
 * Tiles of a commit, copied out of the memory of their writer, by the blocks that they go into.
 *
 * ```
 * numbers = *(block)                 ; f64
 * block   = layout hopMs tiles keyBytes *(tile)
 * tile    = the numbers of the tile, as they lie in memory
 * bytes   = *(key *(object))         ; of each block: its key in the store, and its tiles' objects by the aggregates' codecs
 * ```
 */
export interface CommitChunk {
  readonly numbers: Float64Array<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const BLOCK_NUMBERS = 4;

/** Numbers of a chunk: 256 KiB. */
const CHUNK_NUMBERS = 32_768;

/** Collects the tiles of a commit. Hot path: once for every tile that changed. */
export class CommitBuffer {
  /** The layouts of the tiles, by the index that blocks have. */
  readonly layouts: TileLayout[] = [];
  tiles = 0;
  readonly #chunks: CommitChunk[] = [];
  readonly #indexes = new Map<TileLayout, number>();
  readonly #bytes = new ByteWriter(CHUNK_NUMBERS);
  readonly #see: (key: Uint8Array) => void;
  #numbers = new Float64Array(CHUNK_NUMBERS);
  #used = 0;

  /** `see` is called with the key of every block. */
  constructor(see: (key: Uint8Array) => void) {
    this.#see = see;
  }

  add(tiles: readonly TileWrite[]): void {
    for (let i = 0; i < tiles.length; ) i = this.#addBlock(tiles, i);
    this.tiles += tiles.length;
  }

  /** All that was added. */
  finish(): readonly CommitChunk[] {
    this.#cut();
    return this.#chunks;
  }

  /** Adds the tiles from `first` that are of one block; returns the index after them. */
  #addBlock(tiles: readonly TileWrite[], first: number): number {
    const { layout, hopMs, key } = tiles[first];
    const block = blockOf(startOf(tiles[first]), hopMs);
    const end = endOfBlock(tiles, first, block);
    this.#room(BLOCK_NUMBERS + (end - first) * layout.numbers);
    const numbers = this.#numbers;
    const place = blockPlace(layout.viewId, key, hopMs, block);
    this.#see(place);
    this.#bytes.bytes(place);
    numbers[this.#used] = this.#indexOf(layout);
    numbers[this.#used + 1] = hopMs;
    numbers[this.#used + 2] = end - first;
    numbers[this.#used + 3] = place.length;
    this.#used += BLOCK_NUMBERS;
    for (let i = first; i < end; i += 1) this.#addTile(layout, tiles[i].run, tiles[i].index);
    return end;
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
    if (this.#used + numbers <= this.#numbers.length) return;
    this.#cut();
    if (numbers > this.#numbers.length) this.#numbers = new Float64Array(numbers);
  }

  #cut(): void {
    if (this.#used === 0) return;
    this.#chunks.push({ numbers: this.#numbers.slice(0, this.#used), bytes: new Uint8Array(this.#bytes.view()) });
    this.#used = 0;
    this.#bytes.clear();
  }
}

/** Takes the tiles of one block: the key of its entry, and a run that has them and is valid until the next. */
export type TakeBlock = (layout: TileLayout, hopMs: number, key: Uint8Array, tiles: TileRun) => void;

const reader = new ByteReader('a commit of tiles');

/** Reads what a {@link CommitBuffer} collected, in order. Hot path. */
export function readChunk({ numbers, bytes }: CommitChunk, layouts: readonly TileLayout[], take: TakeBlock): void {
  reader.reset(bytes);
  for (let at = 0; at < numbers.length; ) {
    const layout = layouts[numbers[at]];
    const count = numbers[at + 2];
    const end = at + BLOCK_NUMBERS + count * layout.numbers;
    const key = reader.bytes(numbers[at + 3]);
    const objs = layout.objects === 0 ? NO_OBJECTS : new Array<unknown>(count * layout.objects);
    const run = { length: count, nums: numbers.subarray(at + BLOCK_NUMBERS, end), objs };
    if (layout.objects > 0) readObjects(layout, run);
    take(layout, numbers[at + 1], key, run);
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
