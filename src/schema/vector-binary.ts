import { ByteWriter } from '../base/bytes.ts';
import type { Columns, Value } from './column.ts';
import { typeText } from './type-text.ts';
import { valueWriter } from './value-codec.ts';
import { VECTOR_FORMAT, VECTOR_MAGIC } from './vector-format.ts';

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
  readonly degraded: boolean;
}

/** Writes vectors of one service as `vector-format.ts` has them. */
export type WriteVectors = (vectors: readonly WireVector[]) => Uint8Array;

/** Makes the writer of vectors with these features. Hot path. */
export function vectorWriter(features: Columns): WriteVectors {
  const writers = Object.values(features).map(valueWriter);
  const writer = new ByteWriter(1_024);
  const head = headOf(features);
  return (vectors) => {
    writer.clear();
    writer.bytes(head);
    writer.varint(vectors.length);
    writeHeads(writer, vectors);
    for (let f = 0; f < writers.length; f += 1) writeColumn(writer, vectors, f, writers[f]);
    return writer.finish();
  };
}

function headOf(features: Columns): Uint8Array {
  const writer = new ByteWriter(1_024);
  for (const byte of VECTOR_MAGIC) writer.u8(byte);
  writer.u8(VECTOR_FORMAT);
  const columns = Object.entries(features);
  writer.varint(columns.length);
  for (const [name, spec] of columns) {
    writer.text(name);
    writer.text(typeText({ ...spec, nullable: false }));
  }
  return writer.finish();
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
  writer.varint(vectors.reduce((sum, { degraded }) => sum + (degraded ? 1 : 0), 0));
  vectors.forEach(({ degraded }, vector) => {
    if (degraded) writer.varint(vector);
  });
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

function ageNumber(ms: number | null): number {
  return ms === null || !Number.isFinite(ms) ? Number.NaN : ms;
}
