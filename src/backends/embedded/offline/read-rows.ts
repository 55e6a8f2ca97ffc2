import {
  DuckDBBlobValue,
  type DuckDBDataChunk,
  DuckDBDecimalValue,
  DuckDBListValue,
  type DuckDBValue,
} from '@duckdb/node-api';
import { fail } from '../../../base/errors/fail.ts';
import type { OfflineValue } from '../../../ports/offline-store.ts';

/**
 * The rows of a chunk. BIGINT and HUGEINT come as bigint, smaller whole numbers as number, DECIMAL without digits after
 * the point as bigint and with them as text, a type that no offline column has (DATE, TIMESTAMP, …) as its text.
 */
export function readRows(chunk: DuckDBDataChunk): OfflineValue[][] {
  const { rowCount, columnCount } = chunk;
  const rows: OfflineValue[][] = [];
  for (let r = 0; r < rowCount; r += 1) rows.push(new Array(columnCount));
  for (let c = 0; c < columnCount; c += 1) {
    const vector = chunk.getColumnVector(c);
    for (let r = 0; r < rowCount; r += 1) rows[r][c] = offlineValue(vector.getItem(r));
  }
  return rows;
}

function offlineValue(value: DuckDBValue): OfflineValue {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof DuckDBListValue) return value.items.map(listItem);
  if (value instanceof DuckDBDecimalValue) return value.scale === 0 ? value.value : value.toString();
  if (value instanceof DuckDBBlobValue) return value.bytes;
  return String(value);
}

/** A null among the elements has no place in the port's lists, and must not pass for something else. */
function listItem(value: DuckDBValue): bigint | number | string | boolean {
  const item = offlineValue(value);
  if (item === null) throw fail('OFFLINE_QUERY', { reason: 'a list in its result has a null in it' });
  return typeof item === 'object' ? String(item) : item;
}
