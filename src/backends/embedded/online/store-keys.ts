import { createHash } from 'node:crypto';
import { ByteReader, ByteWriter } from '../../../base/bytes.ts';

/**
 * Keys of the store. The first byte says what an entry is; texts are length-prefixed, so that no two names meet; numbers
 * are eight bytes, big-endian, their sign bit flipped, so that bytes order as numbers.
 *
 * ```
 * format   = %x00
 * block    = %x01 text(view) text(key) number(hop) number(block)
 * position = %x02 text(writer)
 * current  = %x03 text(view)
 * row      = %x04 text(view) number(generation) text(key)
 * latest   = %x05
 * change   = %x06 number(sequence)
 * sweep    = %x07 text(view)             ; the key of a block: old tiles are dropped from there on
 * record   = %x09 text(key)              ; entity-records.ts
 * views    = %x0A                        ; view-numbers.ts
 * attempt  = %x0B text(view)             ; of writing a generation, the last one
 * windows  = %x08 text(view) text(key)   ; of formats before 3: moved into the record
 * text     = varint(bytes) UTF-8      ; a key above 1,200 bytes: varint(1201) and its SHA-256
 * ```
 */
const LONGEST_KEY = 1_200;

const writer = new ByteWriter(256);
const keyReader = new ByteReader('a key of the store');

export const FORMAT_KEY = Uint8Array.of(0);

export const LATEST_KEY = Uint8Array.of(5);

/** The ids of views in the order of their numbers. */
export const VIEWS_KEY = Uint8Array.of(10);

/** Where the records of keys lie. */
export const RECORDS = { start: Uint8Array.of(9), end: Uint8Array.of(10) };

/** Where stores of formats before 3 have stored windows. */
export const FORMER_WINDOWS = { start: Uint8Array.of(8), end: Uint8Array.of(9) };

/** Where a key's tiles begin and end, all hops. */
export function tilesOfKey(view: string, key: string): { readonly start: Uint8Array; readonly end: Uint8Array } {
  tileHead(view, key);
  return between();
}

/** Where a view's tiles begin and end. */
export function tilesOfView(view: string): { readonly start: Uint8Array; readonly end: Uint8Array } {
  begin(1).text(view);
  return between();
}

/** The record of a key, valid until the next key is made. Hot path. */
export function recordPlace(key: string): Uint8Array {
  begin(9);
  writeKeyText(key);
  return writer.view();
}

/** The stored windows of a key in formats before 3, valid until the next key is made. */
export function formerWindowsPlace(view: string, key: string): Uint8Array {
  begin(8).text(view);
  writeKeyText(key);
  return writer.view();
}

/** Where the stored windows of a view begin and end in formats before 3. */
export function formerWindowsOfView(view: string): { readonly start: Uint8Array; readonly end: Uint8Array } {
  begin(8).text(view);
  return between();
}

/** The view and the record's place of stored windows in formats before 3; the place is a copy. */
export function ofFormerWindows(entry: Uint8Array): { readonly viewId: string; readonly place: Uint8Array } {
  keyReader.reset(entry);
  keyReader.u8();
  const viewId = keyReader.text();
  const place = Uint8Array.from(entry.subarray(keyReader.offset - 1));
  place[0] = 9;
  return { viewId, place };
}

/** The same of a key that a record is of: `record` is its place. Valid until the next key is made. */
export function formerWindowsOf(view: string, record: Uint8Array): Uint8Array {
  begin(8).text(view);
  writer.bytes(record.subarray(1));
  return writer.view();
}

export function isRecordKey(key: Uint8Array): boolean {
  return key[0] === 9;
}

export function attemptKey(view: string): Uint8Array {
  begin(11).text(view);
  return finished();
}

/** The key of a block, valid until the next key is made. Hot path. */
export function blockPlace(view: string, key: string, hopMs: number, block: number): Uint8Array {
  tileHead(view, key);
  writeNumber(hopMs);
  writeNumber(block);
  return writer.view();
}

/** Where the blocks of a hop of a key lie, from one to another; infinite: to its first or last. */
export function blocksOfHop(
  view: string,
  key: string,
  hopMs: number,
  first: number,
  last: number,
): { readonly start: Uint8Array; readonly end: Uint8Array } {
  const placeOf = (block: number) => Buffer.from(blockPlace(view, key, hopMs, block));
  const most = Number.MAX_SAFE_INTEGER;
  return { start: placeOf(Math.max(first, -most)), end: placeOf(Math.min(last + 1, most)) };
}

/** The prefix of the keys of all blocks of a view and key, valid until the next key is made. Hot path. */
export function tileHeadOf(view: string, key: string): Uint8Array {
  tileHead(view, key);
  return writer.view();
}

/** The last bytes of a block's key: hop and block. All blocks of a view and key share the bytes before them. */
export const BLOCK_PLACE_BYTES = 16;

export function isBlockKey(key: Uint8Array): boolean {
  return key[0] === 1 && key.length > BLOCK_PLACE_BYTES;
}

/** Whether a digest stands for the entity key in a block's key. */
export function isDigested(key: Uint8Array): boolean {
  keyReader.reset(key);
  keyReader.u8();
  keyReader.bytes(keyReader.varint());
  return keyReader.varint() > LONGEST_KEY;
}

/** Hop and block of a block's key: its last 16 bytes. Hot path. */
export function hopAndBlock(key: Uint8Array): { readonly hopMs: number; readonly block: number } {
  return { hopMs: readNumber(key, key.length - 16), block: readNumber(key, key.length - 8) };
}

export function positionKey(name: string): Uint8Array {
  begin(2).text(name);
  return finished();
}

/** Where the positions lie. */
export const POSITIONS = { start: Uint8Array.of(2), end: Uint8Array.of(3) };

/** The writer whose position a key is of. */
export function writerOf(key: Uint8Array): string {
  keyReader.reset(key);
  keyReader.u8();
  return keyReader.text();
}

export function currentKey(view: string): Uint8Array {
  begin(3).text(view);
  return finished();
}

export function rowKey(view: string, generation: number, key: string): Uint8Array {
  begin(4).text(view);
  writeNumber(generation);
  writeKeyText(key);
  return finished();
}

export function changeKey(sequence: number): Uint8Array {
  begin(6);
  writeNumber(sequence);
  return finished();
}

export function sweepKey(view: string): Uint8Array {
  begin(7).text(view);
  return finished();
}

/** Where the rows of generations [from, to) of a view lie. */
export function rowsOfGenerations(
  view: string,
  from: number,
  to: number,
): { readonly start: Uint8Array; readonly end: Uint8Array } {
  begin(4).text(view);
  writeNumber(from);
  const start = finished();
  begin(4).text(view);
  writeNumber(to);
  return { start, end: finished() };
}

function begin(kind: number): ByteWriter {
  writer.clear();
  writer.u8(kind);
  return writer;
}

function tileHead(view: string, key: string): void {
  begin(1).text(view);
  writeKeyText(key);
}

function writeKeyText(key: string): void {
  if (key.length * 3 <= LONGEST_KEY || Buffer.byteLength(key) <= LONGEST_KEY) {
    writer.text(key);
    return;
  }
  // No key text has this length: a digest meets none.
  writer.varint(LONGEST_KEY + 1);
  writer.bytes(createHash('sha256').update(key).digest());
}

/** All keys that begin with the written bytes. */
function between(): { readonly start: Uint8Array; readonly end: Uint8Array } {
  const start = finished();
  const end = finished();
  let last = end.length - 1;
  while (end[last] === 0xff) last -= 1;
  end[last] += 1;
  return { start, end: end.subarray(0, last + 1) };
}

const scratch = new DataView(new ArrayBuffer(8));
const scratchBytes = new Uint8Array(scratch.buffer);

/** A whole number within ±(2^53 − 1). */
function writeNumber(value: number): void {
  const high = Math.floor(value / 2 ** 32);
  scratch.setInt32(0, high);
  scratch.setUint32(4, value - high * 2 ** 32);
  scratchBytes[0] ^= 0x80;
  writer.bytes(scratchBytes);
}

function readNumber(bytes: Uint8Array, at: number): number {
  for (let i = 0; i < scratchBytes.length; i += 1) scratchBytes[i] = bytes[at + i];
  scratchBytes[0] ^= 0x80;
  return scratch.getInt32(0) * 2 ** 32 + scratch.getUint32(4);
}

/** The written bytes, as a copy out of the pool that small buffers share. */
function finished(): Buffer {
  return Buffer.from(writer.view());
}
