import type { DuckDBDataChunk } from '@duckdb/node-api';
import type { ModelRows } from '../../../model/model-rows.ts';
import type { NumberType } from '../../../model/number-type.ts';
import type { RowInputs } from '../../../model/row-inputs.ts';
import { type NumericTensorData, tensorArrays } from '../../../schema/tensor.ts';
import type { ChunkRows } from './row-stream.ts';

/** Copies the cells of a chunk, a column for each feature, into rows of a model. */
export type ChunkCopy = (from: ChunkRows, into: ModelRows) => void;

/** Chooses where the column of each feature goes. Hot path: chosen once a file; no value is touched but by the copy itself. */
export function chunkCopy({ inputs }: RowInputs): ChunkCopy {
  const columns = inputs.flatMap(({ type, places }, input) =>
    places.map((column, k) => ({ type, column, input, k, width: places.length })),
  );
  return ({ chunk, start, count, at }, { data }) => {
    for (const { type, column, input, k, width } of columns)
      copyStrided(numbersOf(chunk, column, type), start, count, data[input], at * width + k, width);
  };
}

type Wide = Extract<NumericTensorData, { readonly [place: number]: bigint }>;
type Narrow = Exclude<NumericTensorData, Wide>;

/** Copies `count` numbers from place `start` on to places `to`, `to + step`, … */
function copyStrided(
  from: NumericTensorData,
  start: number,
  count: number,
  into: NumericTensorData,
  to: number,
  step: number,
): void {
  if (isWide(from) && isWide(into)) copyWide(from, start, count, into, to, step);
  else if (!isWide(from) && !isWide(into)) copyNarrow(from, start, count, into, to, step);
}

function copyNarrow(from: Narrow, start: number, count: number, into: Narrow, to: number, step: number): void {
  for (let i = start, place = to; i < start + count; i += 1, place += step) into[place] = from[i];
}

function copyWide(from: Wide, start: number, count: number, into: Wide, to: number, step: number): void {
  for (let i = start, place = to; i < start + count; i += 1, place += step) into[place] = from[i];
}

function isWide(data: NumericTensorData): data is Wide {
  return data instanceof BigInt64Array || data instanceof BigUint64Array;
}

/** The memory of a column of numbers. */
function numbersOf(chunk: DuckDBDataChunk, column: number, type: NumberType): NumericTensorData {
  const items: unknown = Reflect.get(chunk.getColumnVector(column), 'items');
  if (isNumericData(items) && items.constructor === tensorArrays[type]) return items;
  throw new Error(`a column came as something else than ${type}`);
}

function isNumericData(items: unknown): items is NumericTensorData {
  return ArrayBuffer.isView(items) && 'BYTES_PER_ELEMENT' in items;
}
