import { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { decodeTile, encodeTile } from '../../features/tile/tile-codec.ts';
import { COUNT, GENERATION, MAX_TS, START, type TileLayout } from '../../features/tile/tile-layout.ts';
import { copyTile, emptyRun, type TileRun } from '../../features/tile/tile-run.ts';
import type { TileWrite } from '../../ports/online-store.ts';

/**
 * The tiles of one (view, key, hop) that start in one span of 32 hops. The script of the write reads the frame around each tile,
 * not the tile.
 *
 * ```
 * name   = hop block                ; hop: index among the view's hops; block: floor(start / (32 · hop)); both in base 36, the
 *                                    ; hop one character
 * block  = *(place generation n size tile) ; ascending
 * place  = u8                       ; which of the 32
 * generation = varint               ; generation and n are the version
 * n      = varint
 * size   = varint                   ; bytes of the tile
 * tile   = as features/tile/tile-codec.ts writes it, its start and its time from the start of the block, generation 0
 * stamp  = varint                   ; the commit that last wrote the tiles of the key; none is 0
 *        / %x00 6OCTET varint *(varint) ; of one of many writers: its number, its write, and where the writers make the tiles,
 *                                    ; by partition of the log, the offset up to which its events are in them
 * ```
 */
export const TILES_PER_BLOCK = 32;
const SHARED = 0;
const WHO_BYTES = 6;

const writer = new ByteWriter(4_096);
const tile = new ByteWriter(1_024);
const reader = new ByteReader('a block of tiles');

/** The block that a tile belongs to. */
export function blockOf(start: number, hopMs: number): number {
  return Math.floor(start / (hopMs * TILES_PER_BLOCK));
}

export function blockName(hop: number, block: number): string {
  return hop.toString(36) + block.toString(36);
}

/** Hop (by index) and block of a name. */
export function hopAndBlock(name: string): { readonly hop: number; readonly block: number } {
  return { hop: Number.parseInt(name.slice(0, 1), 36), block: Number.parseInt(name.slice(1), 36) };
}

const relatives = new WeakMap<TileLayout, TileRun>();

/** A place for one tile of a layout, which each call reuses. */
function relativeOf(layout: TileLayout): TileRun {
  const known = relatives.get(layout) ?? { ...emptyRun(layout, 1), length: 1 };
  relatives.set(layout, known);
  return known;
}

/** Tiles of one block, ascending, as the script takes them. */
export function encodeBlock(tiles: readonly TileWrite[]): Buffer {
  writer.clear();
  for (const { layout, hopMs, run, index } of tiles) {
    const at = index * layout.numbers;
    const start = run.nums[at + START];
    const from = blockOf(start, hopMs) * TILES_PER_BLOCK * hopMs;
    const relative = relativeOf(layout);
    copyTile(layout, relative, 0, run, index);
    relative.nums[START] = start - from;
    relative.nums[MAX_TS] = run.nums[at + MAX_TS] - from;
    relative.nums[GENERATION] = 0;
    tile.clear();
    encodeTile(tile, layout, hopMs, relative, 0);
    writer.u8((start - from) / hopMs);
    writer.varint(run.nums[at + GENERATION]);
    writer.varint(run.nums[at + COUNT]);
    writer.varint(tile.length);
    writer.bytes(tile.view());
  }
  return Buffer.from(writer.view());
}

/** Tiles of a hop as they are written. */
export function writesOf(layout: TileLayout, hopMs: number, run: TileRun): readonly TileWrite[] {
  return Array.from({ length: run.length }, (_, index) => ({ layout, hopMs, key: '', run, index }));
}

/** The tiles of a block, as they are stored. */
export interface StoredBlock {
  readonly block: number;
  readonly bytes: Uint8Array;
}

/** Starts in [from, to). */
export interface Starts {
  readonly from: number;
  readonly to: number;
}

const ALL: readonly Starts[] = [{ from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY }];

function isWithin(start: number, spans: readonly Starts[]): boolean {
  for (let i = 0; i < spans.length; i += 1) if (start >= spans[i].from && start < spans[i].to) return true;
  return false;
}

/**
 * The tiles of some blocks of a key and hop, ascending, whose starts are wanted, in one run; the others are passed over unread. Errors:
 * BYTES_DAMAGED. Hot path.
 */
export function runOfBlocks(
  layout: TileLayout,
  hopMs: number,
  blocks: readonly StoredBlock[],
  wanted: readonly Starts[] = ALL,
): TileRun {
  let tiles = 0;
  for (let b = 0; b < blocks.length; b += 1) tiles += eachTile(hopMs, blocks[b], wanted, null);
  const run = emptyRun(layout, tiles);
  if (tiles === 0) return run;
  for (let b = 0; b < blocks.length; b += 1)
    eachTile(hopMs, blocks[b], wanted, (start, generation, from) => {
      decodeTile(reader, layout, hopMs, run);
      const at = (run.length - 1) * layout.numbers;
      run.nums[at + START] += from;
      run.nums[at + MAX_TS] += from;
      run.nums[at + GENERATION] = generation;
      if (run.nums[at + START] !== start) throw reader.damaged('a tile is not where it says');
    });
  return run;
}

/** Goes over the wanted tiles of a block, and gives how many there are; `decode` reads one. */
function eachTile(
  hopMs: number,
  { block, bytes }: StoredBlock,
  wanted: readonly Starts[],
  decode: ((start: number, generation: number, from: number) => void) | null,
): number {
  reader.reset(bytes);
  const from = block * TILES_PER_BLOCK * hopMs;
  let tiles = 0;
  while (reader.remaining > 0) {
    const start = from + reader.u8() * hopMs;
    const generation = reader.varint();
    reader.varint();
    const size = reader.varint();
    const end = reader.offset + size;
    const isWanted = isWithin(start, wanted);
    if (isWanted) tiles += 1;
    if (isWanted && decode !== null) decode(start, generation, from);
    else reader.skip(size);
    if (reader.offset !== end) throw reader.damaged('a tile is not as long as it says');
  }
  return tiles;
}

export function encodeStamp(commit: number): Buffer {
  writer.clear();
  writer.varint(commit);
  return Buffer.from(writer.view());
}

/** The stamp of a write that no position of a commit speaks for; `who` are six bytes, `covers` offsets by partition of the log. */
export function encodeSharedStamp(who: Uint8Array, write: number, covers: readonly number[] = []): Buffer {
  writer.clear();
  writer.u8(SHARED);
  writer.bytes(who);
  writer.varint(write);
  for (let partition = 0; partition < covers.length; partition += 1) writer.varint(covers[partition] ?? 0);
  return Buffer.from(writer.view());
}

/** By partition of the log, the offset up to which its events are in tiles; empty where the stamp does not say it. */
export function coversOf(stamp: Uint8Array): readonly number[] {
  if (stamp[0] !== SHARED) return [];
  reader.reset(stamp);
  reader.skip(1 + WHO_BYTES);
  reader.varint();
  const covers: number[] = [];
  while (reader.remaining > 0) covers.push(reader.varint());
  return covers;
}

/** The commit of a stamp; null of one of many writers. */
export function decodeStamp(bytes: Uint8Array): number | null {
  if (bytes[0] === SHARED) return null;
  reader.reset(bytes);
  return reader.varint();
}
