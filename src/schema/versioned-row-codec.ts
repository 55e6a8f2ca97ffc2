import { ByteReader, ByteWriter } from '../base/bytes.ts';
import { fail } from '../base/errors/fail.ts';
import { fnv1a32 } from '../base/hash/fnv.ts';
import type { ColumnSpec, Columns, Value } from './column.ts';
import { widening } from './evolve-columns.ts';
import { type RowCodec, rowCodec } from './row-codec.ts';
import { typeText } from './type-text.ts';

/**
 * Rows of a source whose columns have changed under one version.
 *
 * ```
 * row = first / later
 * first = a row of row-codec.ts               ; %x01: under the source's first columns
 * later = %x02 schema row                     ; under others
 * schema = varint                             ; 32-bit FNV-1a of names and types of the columns
 * ```
 * A row is written under the last columns, and read into them whatever it was written under.
 */
const LATER_FORMAT = 2;

/** Makes the codec; `schemas` are the columns, first to last. `what` names a row in errors. */
export function versionedRowCodec(schemas: readonly Columns[], what = 'a row'): RowCodec {
  const present = schemas[schemas.length - 1];
  const own = rowCodec(present, what);
  if (schemas.length === 1) return own;
  const readers = schemas.map((columns) => upgraded(columns, present, what));
  const later = new Map(schemas.slice(1).map((columns, i) => [schemaNumber(columns), readers[i + 1]]));
  const number = schemaNumber(present);
  const writer = new ByteWriter();
  const encodeInto: RowCodec['encodeInto'] = (into, row) => {
    into.u8(LATER_FORMAT);
    into.varint(number);
    own.encodeInto(into, row);
  };
  return {
    encodeInto,
    encode: (row) => {
      writer.clear();
      encodeInto(writer, row);
      return writer.finish();
    },
    decode: (bytes) => {
      if (bytes[0] !== LATER_FORMAT) return readers[0](bytes);
      const reader = new ByteReader(what, bytes);
      reader.u8();
      const found = reader.varint();
      const read = later.get(found);
      if (read === undefined) throw fail('EVENT_SCHEMA', { what, found: found.toString(16).padStart(8, '0') });
      return read(reader.bytes(reader.remaining));
    },
  };
}

/** The number that rows written under columns have. */
function schemaNumber(columns: Columns): number {
  return fnv1a32(JSON.stringify(Object.entries(columns).map(([name, spec]) => [name, typeText(spec)])));
}

type Read = (bytes: Uint8Array) => readonly Value[];

/** Reads rows of former columns into the present ones. */
function upgraded(columns: Columns, present: Columns, what: string): Read {
  const { decode } = rowCodec(columns, what);
  if (columns === present) return decode;
  const names = Object.keys(columns);
  const ways = Object.entries(present).map(([name, spec]) => wayInto(spec, columns[name], names.indexOf(name)));
  return (bytes) => {
    const row = decode(bytes);
    return ways.map((way) => way(row));
  };
}

function wayInto(spec: ColumnSpec, was: ColumnSpec | undefined, at: number): (row: readonly Value[]) => Value {
  if (was === undefined || at < 0) return () => null;
  const widen = was.type === spec.type ? null : widening(was, spec);
  return widen === null ? (row) => row[at] : (row) => widen(row[at]);
}
