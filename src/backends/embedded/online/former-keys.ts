import { ByteReader, ByteWriter } from '../../../base/bytes.ts';
import type { KeySpan } from './entries.ts';
import { beginningWith, isOfKey, numberBytes, recordBytes } from './store-keys.ts';

/**
 * Keys of former formats, whose entries move to the records and blocks of their keys; text and number as in store-keys.ts.
 *
 * ```
 * block   = %x01 text(view) text(key) number(hop) number(block)   ; formats 1 to 3
 * sweep   = %x07 text(view)                                       ; formats 1 to 3, dropped
 * windows = %x08 text(view) text(key)                             ; format 2
 * ```
 */
const BLOCK = 1;
const WINDOWS = 8;
const RECORD = 9;

/** Hop and block of a block. */
const NUMBERS_BYTES = 16;

/** All that moves or is dropped; a move walks them in this order. */
export const FORMER_WINDOWS: KeySpan = beginningWith(Uint8Array.of(WINDOWS));
export const FORMER_BLOCKS: KeySpan = beginningWith(Uint8Array.of(BLOCK));
export const FORMER_SWEEPS: KeySpan = { start: Uint8Array.of(7, 0), end: Uint8Array.of(8) };

const writer = new ByteWriter(256);
const reader = new ByteReader('a key of a former format');
const scratch = new DataView(new ArrayBuffer(8));
const scratchBytes = new Uint8Array(scratch.buffer);

/** A former entry: of which view and record, and of which block; null: it has stored windows. */
export interface FormerEntry {
  readonly viewId: string;
  readonly record: Uint8Array;
  readonly tile: { readonly hopMs: number; readonly block: number } | null;
}

export function readFormerKey(entry: Uint8Array): FormerEntry {
  reader.reset(entry);
  const isBlock = reader.u8() === BLOCK;
  const viewId = reader.text();
  const end = entry.length - (isBlock ? NUMBERS_BYTES : 0);
  const record = Uint8Array.from(entry.subarray(reader.offset - 1, end));
  record[0] = RECORD;
  const tile = isBlock ? { hopMs: readNumber(entry, end), block: readNumber(entry, end + 8) } : null;
  return { viewId, record, tile };
}

/**
 * The bytes that stand for an entity key in a record, a block or a former block: the place of the record without its first byte. null: it is
 * another entry.
 */
export function entityOf(entry: Uint8Array): Uint8Array | null {
  if (isOfKey(entry)) return entry.subarray(1, recordBytes(entry));
  if (entry[0] !== BLOCK) return null;
  reader.reset(entry);
  reader.u8();
  const size = reader.varint();
  return entry.subarray(reader.offset + size, entry.length - NUMBERS_BYTES);
}

/** The former block of the key that has a record at `record`, valid until the next key is made. */
export function formerBlockKey(viewId: string, record: Uint8Array, hopMs: number, block: number): Uint8Array {
  begin(BLOCK, viewId);
  writer.bytes(record.subarray(1));
  writer.bytes(numberBytes(hopMs));
  writer.bytes(numberBytes(block));
  return writer.view();
}

/** The former windows of the key that has a record at `record`, valid until the next key is made. */
export function formerWindowsKey(viewId: string, record: Uint8Array): Uint8Array {
  begin(WINDOWS, viewId);
  writer.bytes(record.subarray(1));
  return writer.view();
}

/** Where the former blocks of a hop of a key lie. */
export function formerBlocksOf(viewId: string, record: Uint8Array, hopMs: number): KeySpan {
  begin(BLOCK, viewId);
  writer.bytes(record.subarray(1));
  writer.bytes(numberBytes(hopMs));
  return beginningWith(writer.finish());
}

/** Where the former blocks and the former windows of a view lie. */
export function formerOfView(viewId: string): readonly KeySpan[] {
  return [BLOCK, WINDOWS].map((kind) => {
    begin(kind, viewId);
    return beginningWith(writer.finish());
  });
}

function begin(kind: number, viewId: string): void {
  writer.clear();
  writer.u8(kind);
  writer.text(viewId);
}

function readNumber(bytes: Uint8Array, at: number): number {
  for (let i = 0; i < scratchBytes.length; i += 1) scratchBytes[i] = bytes[at + i];
  scratchBytes[0] ^= 0x80;
  return scratch.getInt32(0) * 2 ** 32 + scratch.getUint32(4);
}
