import type { NumericTensorData } from '../schema/tensor.ts';
import { cellFault } from './cell-fault.ts';
import { elementOf, UnfitCell } from './cell-number.ts';
import { type ModelRows, newRows } from './model-rows.ts';
import type { NumberType } from './number-type.ts';
import type { RowInput, RowInputs } from './row-inputs.ts';

/** Writes a row as row `at` of a model's rows. Hot path. */
export type RowWriter<Row> = (row: Row, into: ModelRows, at: number) => void;

/** Reads the number of a feature, by its place, from a row. Throws {@link UnfitCell}. */
export type NumberReader<Row> = (row: Row) => number | bigint;

/** Compiles the way from rows to the inputs of a model. The writer throws what `refuse` makes of the reason why a cell does not fit. */
export function rowWriter<Row>(
  { features, inputs }: RowInputs,
  readerOf: (place: number, type: NumberType) => NumberReader<Row>,
  refuse: (reason: string) => Error,
): RowWriter<Row> {
  const writers = inputs.map((input, i) => inputWriter(input, i, readerOf, { features, refuse }));
  const [only] = writers;
  if (only !== undefined && writers.length === 1) return only;
  return (row, into, at) => {
    for (const write of writers) write(row, into, at);
  };
}

interface Refusal {
  readonly features: readonly string[];
  readonly refuse: (reason: string) => Error;
}

function inputWriter<Row>(
  { type, places }: RowInput,
  index: number,
  readerOf: (place: number, type: NumberType) => NumberReader<Row>,
  { features, refuse }: Refusal,
): RowWriter<Row> {
  const readers = places.map((place) => readerOf(place, type));
  const width = readers.length;
  return (row, { data }, at) => {
    let k = 0;
    try {
      for (; k < width; k += 1) setNumber(data[index], at * width + k, readers[k](row));
    } catch (error) {
      if (!(error instanceof UnfitCell)) throw error;
      throw refuse(cellFault(features[places[k]], error.cell, type));
    }
  };
}

function setNumber(data: NumericTensorData, at: number, value: number | bigint): void {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[at] = BigInt(value);
  else data[at] = Number(value);
}

/** Rows of doubles in the types of a model's inputs, NaN where one is null. Throws what `refuse` makes of a number that does not fit. */
export function rowsOfNumbers(
  inputs: RowInputs,
  numbers: readonly ArrayLike<number | null>[],
  refuse: (reason: string) => Error,
): ModelRows {
  const rows = newRows(inputs, numbers.length);
  const write = rowWriter<ArrayLike<number | null>>(
    inputs,
    (place, type) => {
      const number = elementOf({ type: 'float', nullable: true }, type);
      return (row) => number(Number.isNaN(row[place]) ? null : row[place]);
    },
    refuse,
  );
  for (const [at, row] of numbers.entries()) write(row, rows, at);
  return rows;
}
