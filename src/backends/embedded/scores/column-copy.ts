import type { ModelRows } from '../../../model/model-rows.ts';
import type { RowInputs } from '../../../model/row-inputs.ts';
import type { NumericTensorData } from '../../../schema/tensor.ts';
import { columnMemory } from '../parquet/column-memory.ts';
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
      copyStrided(columnMemory(chunk, column, type), start, count, data[input], at * width + k, width);
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
