import type { DuckDBDataChunk } from '@duckdb/node-api';
import type { NumberType } from '../../../model/number-type.ts';
import { type NumericTensorData, tensorArrays } from '../../../schema/tensor.ts';

/**
 * The memory of a column of numbers without nulls, as long as its chunk is there: no value becomes a number of JavaScript. A query gives
 * each column its type.
 */
export function columnMemory<T extends NumberType>(
  chunk: DuckDBDataChunk,
  column: number,
  type: T,
): InstanceType<(typeof tensorArrays)[T]> {
  const items: unknown = Reflect.get(chunk.getColumnVector(column), 'items');
  if (isOf(items, type)) return items;
  throw new Error(`a column came as something else than ${type}`);
}

function isOf<T extends NumberType>(items: unknown, type: T): items is InstanceType<(typeof tensorArrays)[T]> {
  return isNumericData(items) && items.constructor === tensorArrays[type];
}

function isNumericData(items: unknown): items is NumericTensorData {
  return ArrayBuffer.isView(items) && 'BYTES_PER_ELEMENT' in items;
}
