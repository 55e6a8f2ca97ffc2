import { ByteWriter } from '../../../base/bytes.ts';
import { beginRecord, WINDOWS, writePart } from './entity-records.ts';
import type { Entries } from './entries.ts';
import { RECORDS } from './store-keys.ts';

/** All entries after those of keys. */
const TAIL = { start: RECORDS.end, end: Uint8Array.of(0xff) };

/**
 * Writes the entries of keys that come after all of the store, within a transaction: in their order, without a read, each page full before the
 * next begins. The few entries after those of keys make room meanwhile. Hot path.
 */
export class AppendedKeys {
  readonly #entries: Entries;
  readonly #tail: { readonly key: Uint8Array; readonly content: Uint8Array }[] = [];
  #hasTail = true;
  /** The last entry of a key. */
  #last: Uint8Array;
  /** The record of the key whose entries come. */
  #record: Uint8Array = new Uint8Array(0);
  #isOpen = false;
  readonly #parts = new ByteWriter(4_096);
  readonly #blocks = new ByteWriter(16_384);
  /** Of each block that waits: where its key ends, and where its content does. */
  readonly #ends: number[] = [];

  constructor(entries: Entries) {
    this.#entries = entries;
    this.#last = entries.lastKey(RECORDS) ?? RECORDS.start;
  }

  /** Whether the entries of a key are appended. */
  takes(record: Uint8Array): boolean {
    if (compare(record, this.#record) === 0) return this.#isOpen;
    this.#write();
    this.#record = record.slice();
    this.#isOpen = compare(record, this.#last) > 0;
    return this.#isOpen;
  }

  /** Takes a block of the key; false: it comes out of order, and the rest of the key is not appended. */
  addBlock(key: Uint8Array, content: Uint8Array): boolean {
    const last = this.#ends.length - 2;
    if (last >= 0) {
      const from = last === 0 ? 0 : this.#ends[last - 1];
      if (compare(key, this.#blocks.view().subarray(from, this.#ends[last])) <= 0) {
        this.leave();
        return false;
      }
    }
    this.#blocks.bytes(key);
    this.#ends.push(this.#blocks.length);
    this.#blocks.bytes(content);
    this.#ends.push(this.#blocks.length);
    return true;
  }

  /** Takes the windows of a view of the key. */
  addWindows(view: number, windows: Uint8Array): void {
    if (this.#parts.length === 0) beginRecord(this.#parts);
    writePart(this.#parts, view, WINDOWS, windows);
  }

  /** Appends nothing more of the key. */
  leave(): void {
    this.#write();
    // Others put the rest of its entries, which come before the next key.
    if (this.#isOpen && compare(this.#record, this.#last) > 0) this.#last = this.#record;
    this.#isOpen = false;
  }

  /** Writes all that waits, and puts the entries after those of keys back. */
  close(): void {
    this.leave();
    if (this.#hasTail) return;
    for (const { key, content } of this.#tail) this.#entries.append(key, content);
  }

  #write(): void {
    if (this.#parts.length === 0 && this.#ends.length === 0) return;
    if (this.#hasTail) this.#takeTail();
    let last = this.#record;
    if (this.#parts.length > 0) this.#entries.append(last, this.#parts.view());
    const blocks = this.#blocks.view();
    for (let i = 0, from = 0; i < this.#ends.length; i += 2) {
      last = blocks.subarray(from, this.#ends[i]);
      from = this.#ends[i + 1];
      this.#entries.append(last, blocks.subarray(this.#ends[i], from));
    }
    this.#last = last.slice();
    this.#parts.clear();
    this.#blocks.clear();
    this.#ends.length = 0;
  }

  #takeTail(): void {
    this.#entries.each(TAIL, (key, content) =>
      this.#tail.push({ key: new Uint8Array(key), content: new Uint8Array(content) }),
    );
    for (const { key } of this.#tail) this.#entries.remove(key);
    this.#hasTail = false;
  }
}

/** The order of bytes. Hot path: keys are short. */
function compare(one: Uint8Array, other: Uint8Array): number {
  const length = Math.min(one.length, other.length);
  for (let i = 0; i < length; i += 1) if (one[i] !== other[i]) return one[i] - other[i];
  return one.length - other.length;
}
