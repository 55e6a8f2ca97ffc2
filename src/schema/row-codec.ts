import { ByteReader, ByteWriter } from '../base/bytes.ts';
import { fail } from '../base/errors/fail.ts';
import type { Columns, Value } from './column.ts';
import { type ReadValue, valueReader, valueWriter, type WriteValue } from './value-codec.ts';

/**
 * One row as bytes. Hot path: writers and readers are chosen per column.
 *
 * ```
 * row     = version count nulls *(value)      ; values in declared order, null ones omitted
 * version = %x01
 * count   = varint                            ; columns that the writer knew
 * nulls   = ceil(count / 8) bytes             ; bit i of byte i / 8, lowest first: column i is null
 * value   = text        ; text
 *         / int         ; int, time
 *         / int64       ; int64, decimal (value · 10^scale)
 *         / f64         ; float
 *         / %x00-01     ; bool
 *         / varint *(value of the element's type)   ; list
 *         / *f64              ; embedding: as many as its column's length says
 * ```
 */
export interface RowCodec {
  /** Appends the row to the writer. */
  readonly encodeInto: (writer: ByteWriter, row: readonly Value[]) => void;
  readonly encode: (row: readonly Value[]) => Uint8Array;
  /** Errors: BYTES_DAMAGED, BYTES_VERSION. */
  readonly decode: (bytes: Uint8Array) => readonly Value[];
}

const ROW_FORMAT = 1;

/** Makes the codec of rows with these columns; `what` names them in errors. */
export function rowCodec(columns: Columns, what = 'a row'): RowCodec {
  const specs = Object.values(columns);
  const writers = specs.map(valueWriter);
  const readers = specs.map(valueReader);
  const shared = new ByteWriter();
  const reader = new ByteReader(what);
  const encodeInto = rowWriter(specs.length, writers);
  return {
    encodeInto,
    encode: (row) => {
      shared.clear();
      encodeInto(shared, row);
      return shared.finish();
    },
    decode: rowReader(reader, readers, what),
  };
}

function rowWriter(count: number, writers: readonly WriteValue[]): (writer: ByteWriter, row: readonly Value[]) => void {
  return (writer, row) => {
    writer.u8(ROW_FORMAT);
    writer.varint(count);
    for (let first = 0; first < count; first += 8) {
      let nulls = 0;
      for (let i = first; i < first + 8 && i < count; i++) if (row[i] === null) nulls |= 1 << (i - first);
      writer.u8(nulls);
    }
    for (let i = 0; i < count; i++) {
      const value = row[i];
      if (value !== null) writers[i](writer, value);
    }
  };
}

function rowReader(reader: ByteReader, readers: readonly ReadValue[], what: string): RowCodec['decode'] {
  const count = readers.length;
  const nullBytes = Math.ceil(count / 8);
  return (bytes) => {
    reader.reset(bytes);
    const version = reader.u8();
    if (version !== ROW_FORMAT) throw fail('BYTES_VERSION', { what, found: version, known: ROW_FORMAT });
    const found = reader.varint();
    if (found !== count) throw reader.damaged(`they hold ${found} columns, not ${count}`);
    const nulls = reader.bytes(nullBytes);
    const row: Value[] = new Array(count);
    for (let i = 0; i < count; i++) row[i] = ((nulls[i >> 3] >> (i & 7)) & 1) === 1 ? null : readers[i](reader);
    reader.end();
    return row;
  };
}
