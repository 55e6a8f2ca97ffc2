import { ByteReader, ByteWriter } from '../../../base/bytes.ts';
import { fail } from '../../../base/errors/fail.ts';
import { decodeTile, encodeTile } from '../../../features/tile/tile-codec.ts';
import { START, type TileLayout } from '../../../features/tile/tile-layout.ts';
import { appendTile, emptyRun, makeRoom, type TileRun } from '../../../features/tile/tile-run.ts';

/**
 * A block: the tiles of one (view, key, hop) whose starts are in one span of 32 hops.
 *
 * ```
 * block  = format count *(tile)     ; tiles ascending, as features/tile/tile-codec.ts writes them
 * format = %x01
 * count  = varint
 * ```
 */
export const TILES_PER_BLOCK = 32;
const FORMAT = 1;

const writer = new ByteWriter(4_096);
const reader = new ByteReader('a block of tiles');

/** The block that a tile belongs to. */
export function blockOf(start: number, hopMs: number): number {
  return Math.floor(start / (hopMs * TILES_PER_BLOCK));
}

/** A run's tiles as a block, valid until the next is encoded. */
export function encodeBlock(layout: TileLayout, hopMs: number, run: TileRun): Uint8Array {
  writer.clear();
  writer.u8(FORMAT);
  writer.varint(run.length);
  for (let i = 0; i < run.length; i += 1) encodeTile(writer, layout, hopMs, run, i);
  return writer.view();
}

/** The tiles of a block, appended to those of `run`. Errors: BYTES_DAMAGED, BYTES_VERSION. */
export function decodeBlock(layout: TileLayout, hopMs: number, bytes: Uint8Array, run = emptyRun(layout)): TileRun {
  reader.reset(bytes);
  const format = reader.u8();
  if (format !== FORMAT) throw fail('BYTES_VERSION', { what: 'a block of tiles', found: format, known: FORMAT });
  const count = reader.varint();
  for (let i = 0; i < count; i += 1) decodeTile(reader, layout, hopMs, run);
  reader.end();
  return run;
}

/** Appends the tiles of a block that start in [from, to). */
export function appendBlock(layout: TileLayout, into: TileRun, block: TileRun, from: number, to: number): void {
  makeRoom(into, layout, block.length);
  for (let i = 0; i < block.length; i += 1) {
    const start = block.nums[i * layout.numbers + START];
    if (start >= from && start < to) appendTile(layout, into, block, i);
  }
}
