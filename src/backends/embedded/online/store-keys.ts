import { createHash } from 'node:crypto';
import { ByteReader, ByteWriter } from '../../../base/bytes.ts';
import type { KeySpan } from './entries.ts';

/**
 * Keys of the store. The first byte says what an entry is; texts are length-prefixed, so that no two names meet. All of an entity key
 * lies together: its record, then its blocks. So an event changes one page, whatever the number of its views.
 *
 * ```
 * format   = %x00
 * position = %x02 text(writer)
 * current  = %x03 text(view)
 * latest   = %x05
 * change   = %x06 number(sequence)
 * sweep    = %x07                        ; a key of a record or block: old tiles are dropped from there on
 * record   = %x09 text(key)              ; entity-records.ts
 * block    = record varint(tier) place   ; tile-block.ts; of tier: view-numbers.ts
 * views    = %x0A                        ; view-numbers.ts
 * attempt  = %x0B text(view)             ; of writing a generation, the last one
 * row      = %x04 text(view) number(generation) text(key) ; of formats before 3; those of later formats: former-keys.ts
 * text     = varint(bytes) UTF-8      ; a key above 1,200 bytes: varint(1201) and its SHA-256
 * number   = 8OCTET                   ; big-endian, its sign bit flipped, so that bytes order as numbers
 * place    = size *OCTET              ; the number of a block in as few bytes as it needs, which order as numbers as well
 * size     = OCTET                    ; %x80 and the number of bytes, big-endian; below zero: %x80 less their number, which are
 *                                     ; those of the sum with 256 to the power of their number
 * ```
 */
const LONGEST_KEY = 1_200;
const DIGEST_BYTES = 32;

/** The size of the place of block 0. */
const ZERO_SIZE = 0x80;

const writer = new ByteWriter(256);
const keyReader = new ByteReader('a key of the store');

export const FORMAT_KEY = Uint8Array.of(0);

export const LATEST_KEY = Uint8Array.of(5);

/** The names of views and tiers in the order of their numbers. */
export const VIEWS_KEY = Uint8Array.of(10);

/** Where a sweep continues. */
export const SWEEP_KEY = Uint8Array.of(7);

/** Where the records and blocks of keys lie. */
export const RECORDS = { start: Uint8Array.of(9), end: Uint8Array.of(10) };

/** The record of a key, valid until the next key is made. Hot path. */
export function recordPlace(key: string): Uint8Array {
  begin(9);
  writeKeyText(key);
  return writer.view();
}

export function attemptKey(view: string): Uint8Array {
  begin(11).text(view);
  return finished();
}

/** The key of a block of the key that has a record at `record`, valid until the next key is made. Hot path. */
export function blockKey(record: Uint8Array, tier: number, block: number): Uint8Array {
  beginTier(record, tier);
  writePlace(block);
  return writer.view();
}

/** Where the blocks of a tier of a key lie, from one to another; infinite: to its first or last. */
export function blocksOfTier(record: Uint8Array, tier: number, first: number, last: number): KeySpan {
  const placeOf = (block: number) => Buffer.from(blockKey(record, tier, block));
  beginTier(record, tier);
  const { start, end } = beginningWith(finished());
  return {
    start: Number.isFinite(first) ? placeOf(first) : start,
    end: Number.isFinite(last) ? placeOf(last + 1) : end,
  };
}

/** Bytes of an entry of a key that its record's place has: all of a record, the first ones of a block. Hot path. */
export function recordBytes(key: Uint8Array): number {
  keyReader.reset(key);
  keyReader.u8();
  const size = keyReader.varint();
  return keyReader.offset + (size > LONGEST_KEY ? DIGEST_BYTES : size);
}

/** The tier of a block and its number; null: it is the key of a record. Hot path. */
export function tierAndBlock(key: Uint8Array): { readonly tier: number; readonly block: number } | null {
  const head = recordBytes(key);
  if (head === key.length) return null;
  keyReader.offset = head;
  return { tier: keyReader.varint(), block: readPlace() };
}

/** Whether an entry is the record of a key or a block of it. */
export function isOfKey(key: Uint8Array): boolean {
  return key[0] === 9;
}

/** Whether a digest stands for the key in the place of a record. */
export function isDigested(record: Uint8Array): boolean {
  keyReader.reset(record);
  keyReader.u8();
  return keyReader.varint() > LONGEST_KEY;
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
  writer.bytes(numberBytes(generation));
  writeKeyText(key);
  return finished();
}

export function changeKey(sequence: number): Uint8Array {
  begin(6);
  writer.bytes(numberBytes(sequence));
  return finished();
}

/** Where the rows of generations [from, to) of a view lie. */
export function rowsOfGenerations(view: string, from: number, to: number): KeySpan {
  begin(4).text(view);
  writer.bytes(numberBytes(from));
  const start = finished();
  begin(4).text(view);
  writer.bytes(numberBytes(to));
  return { start, end: finished() };
}

/** All keys that begin with these bytes. */
export function beginningWith(start: Uint8Array): KeySpan {
  const end = Uint8Array.from(start);
  let last = end.length - 1;
  while (end[last] === 0xff) last -= 1;
  end[last] += 1;
  return { start, end: end.subarray(0, last + 1) };
}

function begin(kind: number): ByteWriter {
  writer.clear();
  writer.u8(kind);
  return writer;
}

function beginTier(record: Uint8Array, tier: number): void {
  writer.clear();
  writer.bytes(record);
  writer.varint(tier);
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

/** The number of a block, within ±(2^53 − 1). */
function writePlace(block: number): void {
  const isBelow = block < 0;
  let size = isBelow ? 1 : 0;
  let reach = isBelow ? 256 : 1;
  for (; isBelow ? -block > reach : block >= reach; reach *= 256) size += 1;
  writer.u8(isBelow ? ZERO_SIZE - size : ZERO_SIZE + size);
  let rest = isBelow ? block + reach : block;
  for (let unit = reach / 256; unit >= 1; unit /= 256) {
    const digit = Math.floor(rest / unit);
    writer.u8(digit);
    rest -= digit * unit;
  }
}

function readPlace(): number {
  const size = keyReader.u8() - ZERO_SIZE;
  let [value, reach] = [0, 1];
  for (let left = Math.abs(size); left > 0; left -= 1) {
    value = value * 256 + keyReader.u8();
    reach *= 256;
  }
  return size < 0 ? value - reach : value;
}

const scratch = new DataView(new ArrayBuffer(8));
const scratchBytes = new Uint8Array(scratch.buffer);

/** A whole number within ±(2^53 − 1) as eight bytes in the order of numbers, valid until the next call. */
export function numberBytes(value: number): Uint8Array {
  const high = Math.floor(value / 2 ** 32);
  scratch.setInt32(0, high);
  scratch.setUint32(4, value - high * 2 ** 32);
  scratchBytes[0] ^= 0x80;
  return scratchBytes;
}

/** The written bytes, as a copy out of the pool that small buffers share. */
function finished(): Buffer {
  return Buffer.from(writer.view());
}
