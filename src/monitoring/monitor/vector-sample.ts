import { ByteReader, ByteWriter } from '../../base/bytes.ts';
import type { FeatureServiceData } from '../../features/define/declaration.ts';
import { servedTable } from '../../features/plan/served-table.ts';
import { modelCellSql } from '../../model/model-value.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { MOST_VECTORS, type VectorSide } from '../detect/compare-vectors.ts';

/** Vectors of embeddings, by feature. */
export type VectorSamples = ReadonlyMap<string, VectorSide>;

/** `varint(features) *(text(name) varint(rows) varint(missing) varint(vectors) *(varint(length) length·f32))` */
export function encodeVectors(samples: VectorSamples): Uint8Array {
  const out = new ByteWriter(1 << 16);
  out.varint(samples.size);
  for (const [name, { rows, missing, sample }] of samples) {
    out.text(name);
    for (const count of [rows, missing, sample.length]) out.varint(count);
    for (const vector of sample) {
      out.varint(vector.length);
      const view = new DataView(new ArrayBuffer(4 * vector.length));
      for (let i = 0; i < vector.length; i += 1) view.setFloat32(4 * i, vector[i], true);
      out.bytes(new Uint8Array(view.buffer));
    }
  }
  return out.finish();
}

/** Error: BYTES_DAMAGED. */
export function decodeVectors(bytes: Uint8Array): VectorSamples {
  const reader = new ByteReader('the vectors of a reference', bytes);
  const samples = new Map<string, VectorSide>();
  for (let left = reader.varint(); left > 0; left -= 1) {
    const name = reader.text();
    const [rows, missing, count] = [reader.varint(), reader.varint(), reader.varint()];
    const sample: Float64Array[] = [];
    for (let i = 0; i < count; i += 1) {
      const length = reader.varint();
      const own = reader.bytes(4 * length);
      const view = new DataView(own.buffer, own.byteOffset, own.byteLength);
      sample.push(Float64Array.from({ length }, (_, at) => view.getFloat32(4 * at, true)));
    }
    samples.set(name, { rows, missing, sample });
  }
  reader.end();
  return samples;
}

/** Evenly spaced logged vectors of a feature in [from, to). */
export async function loggedVectors(
  history: Pick<OfflineStore, 'query' | 'relation'>,
  service: FeatureServiceData,
  name: string,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<VectorSide> {
  const spec = service.features.find((one) => one.name === name)?.type;
  const column = `"f_${name.replaceAll('"', '""')}"`;
  const logged = `${history.relation(servedTable(service))} AS t
WHERE _at >= CAST(${from} AS BIGINT) AND _at < CAST(${to} AS BIGINT)`;
  let [rows, filled] = [0, 0];
  for await (const batch of history.query(`SELECT COUNT(*), COUNT(${column}) FROM ${logged}`))
    for (const [all, some] of batch) [rows, filled] = [Number(all), Number(some)];
  const step = Math.max(1, Math.ceil(filled / MOST_VECTORS.current));
  const sql = `SELECT v FROM (SELECT ${spec === undefined ? column : modelCellSql(column, spec)} AS v,
ROW_NUMBER() OVER (ORDER BY _at, _id) AS r FROM ${logged} AND ${column} IS NOT NULL) AS numbered WHERE (r - 1) % ${step} = 0 ORDER BY r`;
  const sample: Float64Array[] = [];
  for await (const batch of history.query(sql))
    for (const [cell] of batch)
      sample.push(
        Float64Array.from(Array.isArray(cell) ? cell : [], (one) => (one === null ? Number.NaN : Number(one))),
      );
  return { rows, missing: rows - filled, sample };
}
