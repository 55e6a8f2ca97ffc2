import { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { fail } from '../../base/errors/fail.ts';
import { decodeTile, encodeTile } from '../../features/tile/tile-codec.ts';
import { COUNT, GENERATION, START, type TileLayout } from '../../features/tile/tile-layout.ts';
import { emptyRun, type TileRun } from '../../features/tile/tile-run.ts';
import type { TileWrite } from '../../ports/online-store.ts';

/**
 * The tiles of one (view, key, hop) that start in one span of 32 hops: a field of the key's hash. The script of the
 * write reads the frame around each tile, not the tile.
 *
 * ```
 * field  = hop block                ; hop: index among the view's hops; block: floor(start / (32 · hop)); both in base 36, the
 *                                    ; hop one character. Text, since the client writes each argument of bytes separately
 * value  = format *(entry)          ; ascending
 * format = %x01
 * entry  = place generation n size tile
 * place  = u8                       ; which of the 32
 * generation = varint               ; generation and n are the version
 * n      = varint
 * size   = varint                   ; bytes of the tile
 * tile   = as features/tile/tile-codec.ts writes it
 * stamp  = varint                   ; of the field "~": the commit that last wrote the hash; none is 0
 *        / %x00 6OCTET varint       ; of one of many writers: its number, and its write
 * ```
 */
export const TILES_PER_BLOCK = 32;
const FORMAT = 1;
const STAMP_FIELD = '~';
const SHARED = 0;

const writer = new ByteWriter(4_096);
const tile = new ByteWriter(1_024);
const reader = new ByteReader('a block of tiles');

/** The block that a tile belongs to. */
export function blockOf(start: number, hopMs: number): number {
  return Math.floor(start / (hopMs * TILES_PER_BLOCK));
}

export function blockField(hop: number, block: number): string {
  return hop.toString(36) + block.toString(36);
}

/** Hop (by index) and block of a field; null of the stamp. */
export function hopAndBlock(field: string): { readonly hop: number; readonly block: number } | null {
  if (field === STAMP_FIELD) return null;
  return { hop: Number.parseInt(field.slice(0, 1), 36), block: Number.parseInt(field.slice(1), 36) };
}

/** Tiles of one block, ascending, as the script takes them. */
export function encodeBlock(tiles: readonly TileWrite[]): Buffer {
  writer.clear();
  writer.u8(FORMAT);
  for (const { layout, hopMs, run, index } of tiles) {
    const at = index * layout.numbers;
    const start = run.nums[at + START];
    tile.clear();
    encodeTile(tile, layout, hopMs, run, index);
    writer.u8(start / hopMs - blockOf(start, hopMs) * TILES_PER_BLOCK);
    writer.varint(run.nums[at + GENERATION]);
    writer.varint(run.nums[at + COUNT]);
    writer.varint(tile.length);
    writer.bytes(tile.view());
  }
  return Buffer.from(writer.view());
}

/** The tiles of a field, as they are stored. */
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
 * BYTES_DAMAGED, BYTES_VERSION. Hot path.
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
    eachTile(hopMs, blocks[b], wanted, (start) => {
      decodeTile(reader, layout, hopMs, run);
      if (run.nums[(run.length - 1) * layout.numbers + START] !== start)
        throw reader.damaged('a tile is not where it says');
    });
  return run;
}

/** Goes over the wanted tiles of a block, and gives how many there are; `decode` reads one. */
function eachTile(
  hopMs: number,
  { block, bytes }: StoredBlock,
  wanted: readonly Starts[],
  decode: ((start: number) => void) | null,
): number {
  reader.reset(bytes);
  const format = reader.u8();
  if (format !== FORMAT) throw fail('BYTES_VERSION', { what: 'a block of tiles', found: format, known: FORMAT });
  let tiles = 0;
  while (reader.remaining > 0) {
    const start = (block * TILES_PER_BLOCK + reader.u8()) * hopMs;
    reader.varint();
    reader.varint();
    const size = reader.varint();
    const end = reader.offset + size;
    const isWanted = isWithin(start, wanted);
    if (isWanted) tiles += 1;
    if (isWanted && decode !== null) decode(start);
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

/** The stamp of a write that no position of a commit speaks for; `who` are six bytes. */
export function encodeSharedStamp(who: Uint8Array, write: number): Buffer {
  writer.clear();
  writer.u8(SHARED);
  writer.bytes(who);
  writer.varint(write);
  return Buffer.from(writer.view());
}

/** The commit of a stamp; null of one of many writers. */
export function decodeStamp(bytes: Uint8Array): number | null {
  if (bytes[0] === SHARED) return null;
  reader.reset(bytes);
  return reader.varint();
}
