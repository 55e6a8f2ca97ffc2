import { ByteReader, ByteWriter } from '../../../base/bytes.ts';
import { fail } from '../../../base/errors/fail.ts';
import type { TileLayout } from '../../../features/tile/tile-layout.ts';
import type { Entries } from './entries.ts';
import { sumOf } from './entry-sum.ts';
import { recordPlace } from './store-keys.ts';
import type { ViewNumbers } from './view-numbers.ts';

/**
 * All that a read of the present needs of a key, in one entry: its stored windows of every stream view, and its rows of every batch
 * view. Keys of two entities that are the same text share a record: its parts are of different views.
 *
 * ```
 * record  = format *(part)
 * format  = %x01
 * part    = view attempt size content
 * view    = varint                  ; the number of the view, by view-numbers.ts
 * attempt = varint                  ; 0: the stored windows of a stream view. Otherwise the attempt that wrote a row of a batch view
 * size    = varint                  ; bytes of the content
 * content = features/window/stored-windows.ts / schema/row-codec.ts
 * ```
 */
const FORMAT = 1;

/** In place of an attempt: the stored windows of a stream view. */
export const WINDOWS = 0;

/** Records that were read last: a request reads the views of a few keys. */
const HELD = 8;

const reader = new ByteReader('the record of a key');
const writer = new ByteWriter(4_096);

/** Which parts of a record stay. */
export type KeepsPart = (view: number, attempt: number) => boolean;

/** A record as it was read. */
interface HeldRecord {
  key: string;
  /** Of the entries, when it was read; it holds until they change. */
  changes: number;
  bytes: Uint8Array;
  length: number;
}

/** Reads parts of records, each record once for all parts of a request. Hot path. */
export class EntityRecords {
  /** Whether it learns every change: it changes the store itself, or follows the process that does. */
  hears: boolean;
  readonly #entries: Entries;
  readonly #numbers: ViewNumbers;
  readonly #held: HeldRecord[] = [];
  #next = 0;

  constructor(entries: Entries, numbers: ViewNumbers, hears: boolean) {
    this.#entries = entries;
    this.#numbers = numbers;
    this.hears = hears;
  }

  /** The content of a part, valid until the next call; null: the record has none. Errors: STORE_CORRUPT, BYTES_DAMAGED, BYTES_VERSION. */
  part(key: string, viewId: string, attempt: number): Uint8Array | null {
    const view = this.numberOf(viewId);
    if (view === null) return null;
    const { bytes, length } = this.#recordOf(key);
    if (length === 0) return null;
    reader.reset(bytes);
    reader.offset = 1;
    while (reader.offset < length) {
      const isOfView = reader.varint() === view;
      const isOfAttempt = reader.varint() === attempt;
      const size = reader.varint();
      if (reader.offset + size > length) throw reader.damaged('a part ends early');
      if (isOfView && isOfAttempt) return bytes.subarray(reader.offset, reader.offset + size);
      reader.offset += size;
    }
    return null;
  }

  /** The number of a view; null: no record has a part of it. */
  numberOf(viewId: string): number | null {
    return this.#numbers.of(viewId, this.hears);
  }

  /** The number of a tier; null: the store has no block of it. */
  tierOf(layout: TileLayout, hopMs: number): number | null {
    return this.#numbers.tier(layout, hopMs, this.hears);
  }

  #recordOf(key: string): HeldRecord {
    const { changes } = this.#entries;
    if (this.hears)
      for (let i = 0; i < this.#held.length; i += 1) {
        const held = this.#held[i];
        if (held.key === key && held.changes === changes) return held;
      }
    return this.#read(key, changes);
  }

  #read(key: string, changes: number): HeldRecord {
    const into = this.#held[this.#next] ?? { key, changes, bytes: new Uint8Array(1_024), length: 0 };
    this.#held[this.#next] = into;
    this.#next = (this.#next + 1) % HELD;
    into.key = key;
    // Not a number: it does not hold while it is being read.
    into.changes = Number.NaN;
    const content = this.#entries.get(recordPlace(key));
    into.length = content?.length ?? 0;
    if (content !== undefined) {
      checkFormat(content);
      if (content.length > into.bytes.length) into.bytes = new Uint8Array(2 * content.length);
      into.bytes.set(content);
    }
    into.changes = changes;
    return into;
  }
}

/** A part to write; null: to remove. */
export interface PartWrite {
  readonly view: number;
  readonly attempt: number;
  readonly content: Uint8Array | null;
}

/**
 * Writes parts of a record, within a transaction; `keeps` says which of the other parts stay. Errors: STORE_CORRUPT, BYTES_DAMAGED,
 * BYTES_VERSION.
 */
export function putParts(
  entries: Entries,
  place: Uint8Array,
  parts: readonly PartWrite[],
  keeps: KeepsPart = all,
): void {
  const sum = sumOf(place);
  const before = entries.get(place, sum);
  beginRecord(writer);
  if (before !== undefined)
    copyParts(before, (view, attempt) => !isWritten(parts, view, attempt) && keeps(view, attempt));
  for (let i = 0; i < parts.length; i += 1) {
    const { view, attempt, content } = parts[i];
    if (content !== null) writePart(writer, view, attempt, content);
  }
  if (writer.length > 1) entries.put(place, writer.view(), sum);
  else if (before !== undefined) entries.remove(place);
}

/** As {@link putParts}, of one part. */
export function putPart(entries: Entries, place: Uint8Array, part: PartWrite, keeps?: KeepsPart): void {
  putParts(entries, place, [part], keeps);
}

function isWritten(parts: readonly PartWrite[], view: number, attempt: number): boolean {
  for (let i = 0; i < parts.length; i += 1) if (parts[i].view === view && parts[i].attempt === attempt) return true;
  return false;
}

/** Begins a record without parts. */
export function beginRecord(into: ByteWriter): void {
  into.clear();
  into.u8(FORMAT);
}

/** Adds a part to a record that has none of it. Hot path. */
export function writePart(into: ByteWriter, view: number, attempt: number, content: Uint8Array): void {
  into.varint(view);
  into.varint(attempt);
  into.varint(content.length);
  into.bytes(content);
}

/** Removes the parts of a record that do not stay, within a transaction. Errors: as {@link putPart}. */
export function keepParts(entries: Entries, place: Uint8Array, keeps: KeepsPart): void {
  const before = entries.get(place);
  if (before === undefined) return;
  const { length } = before;
  beginRecord(writer);
  copyParts(before, keeps);
  if (writer.length === 1) entries.remove(place);
  else if (writer.length < length) entries.put(place, writer.view());
}

/** The content of a part within a record; null: it has none. Errors: BYTES_DAMAGED, BYTES_VERSION. */
export function partOf(record: Uint8Array, view: number, attempt: number): Uint8Array | null {
  let found: Uint8Array | null = null;
  eachPart(record, (of, by, content) => {
    if (of === view && by === attempt) found = content;
  });
  return found;
}

function copyParts(record: Uint8Array, keeps: KeepsPart): void {
  eachPart(record, (view, attempt, content) => {
    if (keeps(view, attempt)) writePart(writer, view, attempt, content);
  });
}

function eachPart(record: Uint8Array, see: (view: number, attempt: number, content: Uint8Array) => void): void {
  checkFormat(record);
  reader.reset(record);
  reader.offset = 1;
  while (reader.remaining > 0) {
    const view = reader.varint();
    const attempt = reader.varint();
    see(view, attempt, reader.bytes(reader.varint()));
  }
}

function checkFormat(record: Uint8Array): void {
  if (record[0] !== FORMAT)
    throw fail('BYTES_VERSION', { what: 'the record of a key', found: record[0] ?? -1, known: FORMAT });
}

function all(): boolean {
  return true;
}
