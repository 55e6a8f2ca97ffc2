import type { ByteReader, ByteWriter } from '../../base/bytes.ts';
import type { Cells } from '../tile/cells.ts';

/** Counts by value, the partial of top_k and quantile. */
export type Histogram<K> = Map<K, number>;

/** Adds `count` of a value; a new value is not taken once there are more than `cap`. */
export function addCount<K>(held: unknown, value: K, count: number, cap: number): void {
  const histogram = held as Histogram<K>;
  const known = histogram.get(value);
  if (known !== undefined) histogram.set(value, known + count);
  else if (histogram.size <= cap) histogram.set(value, count);
}

/** Adds the counts of another partial. */
export function mergeHistogram<K>(into: unknown, from: unknown, cap: number): void {
  for (const [value, count] of from as Histogram<K>) addCount(into, value, count, cap);
}

/** The codec of a histogram: `varint(values) *(value varint(count))`, ascending. */
export function histogramCodec<K>(form: {
  readonly sorted: (histogram: Histogram<K>) => readonly (readonly [K, number])[];
  readonly write: (writer: ByteWriter, value: K) => void;
  readonly read: (reader: ByteReader) => K;
}) {
  return {
    encode: (writer: ByteWriter, cells: Cells, o: number): void => {
      const entries = form.sorted(cells.objs[o] as Histogram<K>);
      writer.varint(entries.length);
      for (const [value, count] of entries) {
        form.write(writer, value);
        writer.varint(count);
      }
    },
    decode: (reader: ByteReader, cells: Cells, o: number): void => {
      const histogram: Histogram<K> = new Map();
      const size = reader.varint();
      for (let i = 0; i < size; i += 1) histogram.set(form.read(reader), reader.varint());
      cells.objs[o] = histogram;
    },
  };
}
