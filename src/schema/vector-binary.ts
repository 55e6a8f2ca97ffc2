import { ByteReader, ByteWriter } from '../base/bytes.ts';
import { fail } from '../base/errors/fail.ts';
import { fnv1a32 } from '../base/hash/fnv.ts';
import type { Columns, Value } from './column.ts';
import { valueReader, valueWriter } from './value-codec.ts';

/** The media type of {@link vectorBinary}. */
export const VECTOR_BINARY_TYPE = 'application/vnd.headrace.vectors';

/** A vector as it goes over the wire; `values` in the order of the service's features. */
export interface WireVector {
  /** Epoch ms. */
  readonly at: number;
  readonly values: readonly Value[];
  /** Indexes of features without an answer, with the reason. */
  readonly missing: readonly { readonly feature: number; readonly reason: string }[];
  /** Aliases of lookups. */
  readonly stale: readonly string[];
  /** ms; null where there is none. */
  readonly ages: { readonly streaming: number | null; readonly batch: number | null };
}

/** Both directions of one service's vectors. */
export interface VectorBinary {
  readonly encode: (vectors: readonly WireVector[]) => Uint8Array;
  /** Errors: BYTES_DAMAGED, also where the bytes are of other columns; BYTES_VERSION. */
  readonly decode: (bytes: Uint8Array) => readonly WireVector[];
}

const FORMAT = 1;
const MAGIC = [0x48, 0x52, 0x56];
const WHAT = 'a binary answer';

/**
 * The compact answer of feature vectors, column by column, for clients that have the declaration. Needs no Node.
 *
 * ```
 * answer  = "HRV" format digest count *(at) *(age) *(age) missing stale *(column)
 * format  = %x01
 * digest  = varint                          ; FNV-1a of the features' names and types, in order
 * count   = varint                          ; vectors
 * at      = int                             ; epoch ms: the first, then by how much each is after the one before
 * age     = f64                             ; ms, of the streaming tier, then of the batch tier; NaN: null
 * missing = varint *(vector feature reason) ; vector = varint, feature = varint, reason = text
 * stale   = varint *(vector alias)          ; alias = text
 * column  = %x00 *(value)                   ; one by feature: none is null
 *         / %x01 nulls *(value)             ; nulls: bit i of byte i / 8, lowest first; null ones have no value
 * ```
 * A value is as in `row-codec.ts`. No hash protects the bytes: that is the transport's.
 */
export function vectorBinary(features: Columns): VectorBinary {
  const specs = Object.values(features);
  const writers = specs.map(valueWriter);
  const readers = specs.map(valueReader);
  const digest = fnv1a32(
    JSON.stringify(
      Object.entries(features).map(([name, { type, scale, element, length }]) => [
        name,
        type,
        scale,
        element,
        ...(length === undefined ? [] : [length]),
      ]),
    ),
  );
  const writer = new ByteWriter(1_024);
  return {
    encode: (vectors) => {
      writer.clear();
      for (const byte of MAGIC) writer.u8(byte);
      writer.u8(FORMAT);
      writer.varint(digest);
      writer.varint(vectors.length);
      writeHeads(writer, vectors);
      for (let f = 0; f < specs.length; f += 1) writeColumn(writer, vectors, f, writers[f]);
      return writer.finish();
    },
    decode: (bytes) => {
      const reader = new ByteReader(WHAT, bytes);
      for (const byte of MAGIC) if (reader.u8() !== byte) throw reader.damaged('they do not begin as one');
      const format = reader.u8();
      if (format !== FORMAT) throw fail('BYTES_VERSION', { what: WHAT, found: format, known: FORMAT });
      if (reader.varint() !== digest) throw reader.damaged('they are of other features than the declaration has');
      const count = reader.varint();
      if (count > reader.remaining) throw reader.damaged('there are fewer vectors than they say');
      const vectors = readHeads(reader, count);
      for (let f = 0; f < specs.length; f += 1) readColumn(reader, vectors, readers[f]);
      reader.end();
      return vectors;
    },
  };
}

function writeHeads(writer: ByteWriter, vectors: readonly WireVector[]): void {
  let before = 0;
  for (const { at } of vectors) {
    writer.int(at - before);
    before = at;
  }
  for (const { ages } of vectors) writer.f64(ageNumber(ages.streaming));
  for (const { ages } of vectors) writer.f64(ageNumber(ages.batch));
  writer.varint(vectors.reduce((sum, { missing }) => sum + missing.length, 0));
  vectors.forEach(({ missing }, vector) => {
    for (const { feature, reason } of missing) {
      writer.varint(vector);
      writer.varint(feature);
      writer.text(reason);
    }
  });
  writer.varint(vectors.reduce((sum, { stale }) => sum + stale.length, 0));
  vectors.forEach(({ stale }, vector) => {
    for (const alias of stale) {
      writer.varint(vector);
      writer.text(alias);
    }
  });
}

interface ReadVector extends WireVector {
  readonly values: Value[];
  readonly missing: { feature: number; reason: string }[];
  readonly stale: string[];
}

function readHeads(reader: ByteReader, count: number): readonly ReadVector[] {
  const ats: number[] = [];
  for (let i = 0; i < count; i += 1) ats.push((ats[i - 1] ?? 0) + reader.int());
  const ages = [0, 1].map(() => Array.from({ length: count }, () => ageOf(reader.f64())));
  const vectors = ats.map(
    (at, i): ReadVector => ({
      at,
      values: [],
      missing: [],
      stale: [],
      ages: { streaming: ages[0][i], batch: ages[1][i] },
    }),
  );
  const vectorOf = (index: number): ReadVector => {
    const vector = vectors[index];
    if (vector === undefined) throw reader.damaged('they name a vector that is not there');
    return vector;
  };
  for (let left = reader.varint(); left > 0; left -= 1)
    vectorOf(reader.varint()).missing.push({ feature: reader.varint(), reason: reader.text() });
  for (let left = reader.varint(); left > 0; left -= 1) vectorOf(reader.varint()).stale.push(reader.text());
  return vectors;
}

function writeColumn(
  writer: ByteWriter,
  vectors: readonly WireVector[],
  feature: number,
  write: (writer: ByteWriter, value: Value) => void,
): void {
  const hasNull = vectors.some(({ values }) => values[feature] === null);
  writer.u8(hasNull ? 1 : 0);
  for (let first = 0; hasNull && first < vectors.length; first += 8) {
    let nulls = 0;
    for (let i = first; i < first + 8 && i < vectors.length; i += 1)
      if (vectors[i].values[feature] === null) nulls |= 1 << (i - first);
    writer.u8(nulls);
  }
  for (let i = 0; i < vectors.length; i += 1) {
    const value = vectors[i].values[feature];
    if (value !== null) write(writer, value);
  }
}

function readColumn(reader: ByteReader, vectors: readonly ReadVector[], read: (reader: ByteReader) => Value): void {
  const kind = reader.u8();
  if (kind > 1) throw reader.damaged('a column is of another kind');
  const nulls = kind === 1 ? reader.bytes(Math.ceil(vectors.length / 8)) : null;
  for (let i = 0; i < vectors.length; i += 1) {
    const isNull = nulls !== null && ((nulls[i >> 3] >> (i & 7)) & 1) === 1;
    vectors[i].values.push(isNull ? null : read(reader));
  }
}

function ageNumber(ms: number | null): number {
  return ms === null || !Number.isFinite(ms) ? Number.NaN : ms;
}

function ageOf(ms: number): number | null {
  return Number.isNaN(ms) ? null : ms;
}
