import { type NumericTensorData, type NumericTensorType, type Tensor, tensorArrays } from '../schema/tensor.ts';
import type { NumberType } from './number-type.ts';
import { type RowInputs, typesOfFeatures } from './row-inputs.ts';

/** Rows of features in the types of a model's inputs. */
export interface ModelRows {
  readonly rows: number;
  /** The numbers of each input, row by row. */
  readonly data: readonly NumericTensorData[];
  /** The texts of each input of texts, row by row, in UTF-8; left out: the model has none. */
  readonly texts?: readonly (readonly Uint8Array[])[];
}

/** Rows of zeros, to be filled; without texts. */
export function newRows({ inputs }: RowInputs, rows: number): ModelRows {
  const data = new Array<NumericTensorData>(inputs.length);
  for (let i = 0; i < inputs.length; i += 1) data[i] = zeros(inputs[i].type, rows * inputs[i].places.length);
  return { rows, data };
}

/** Short arrays are parts of a shared buffer: the array of one row costs less than a buffer for it. */
const SHARED_BYTES = 16_384;
const SHORT_BYTES = 512;
const ALIGNED_BYTES = 8;
let shared = new ArrayBuffer(SHARED_BYTES);
let taken = 0;

/** An array of zeros. Hot path. */
function zeros(type: NumericTensorType, length: number): NumericTensorData {
  const Elements = tensorArrays[type];
  const bytes = length * Elements.BYTES_PER_ELEMENT;
  if (bytes > SHORT_BYTES) return new Elements(length);
  if (taken + bytes > SHARED_BYTES) {
    shared = new ArrayBuffer(SHARED_BYTES);
    taken = 0;
  }
  const from = taken;
  taken += Math.ceil(bytes / ALIGNED_BYTES) * ALIGNED_BYTES;
  return new Elements(shared, from, length);
}

/** Rows `from` to `to`. They share the memory of the whole. */
export function rowsBetween(
  { inputs, texts: specs = [] }: RowInputs,
  { data, texts }: ModelRows,
  from: number,
  to: number,
): ModelRows {
  return {
    rows: to - from,
    data: data.map((numbers, i) => numbers.subarray(from * inputs[i].places.length, to * inputs[i].places.length)),
    ...(texts === undefined
      ? {}
      : { texts: texts.map((one, i) => one.slice(from * specs[i].places.length, to * specs[i].places.length)) }),
  };
}

/** The rows at some places, copied. */
export function rowsAt(inputs: RowInputs, all: ModelRows, places: readonly number[]): ModelRows {
  const chosen = newRows(inputs, places.length);
  places.forEach((row, to) => {
    copyRows(inputs, chosen, to, rowsBetween(inputs, all, row, row + 1));
  });
  if (all.texts === undefined) return chosen;
  const texts = all.texts.map((one, i) => {
    const width = inputs.texts?.[i].places.length ?? 0;
    return places.flatMap((row) => one.slice(row * width, (row + 1) * width));
  });
  return { ...chosen, texts };
}

/** Copies rows to a place of others. */
function copyRows({ inputs }: RowInputs, into: ModelRows, to: number, { data }: ModelRows): void {
  for (const [i, numbers] of data.entries())
    Reflect.apply(into.data[i].set, into.data[i], [numbers, to * inputs[i].places.length]);
}

/** The inputs of a run. */
export function tensorsOfRows(
  { inputs, texts: specs = [] }: RowInputs,
  { rows, data, texts = [] }: ModelRows,
): readonly Tensor[] {
  return [
    ...inputs.map(({ name, type, shape }, i): Tensor => ({ name, type, shape: [rows, ...shape], data: data[i] })),
    ...specs.map(({ name, shape }, i): Tensor => ({ name, type: 'BYTES', shape: [rows, ...shape], data: texts[i] })),
  ];
}

/** The numbers that a model was fed for a row, in the order of its features. */
export interface FedNumbers {
  /** null: all are float32. */
  readonly types: readonly NumberType[] | null;
  readonly numbers: readonly (number | bigint)[];
}

/** The numbers of one row that a model was fed. */
export function fedNumbers(inputs: RowInputs, rows: ModelRows, row: number): FedNumbers {
  const types = inputs.inputs.every(({ type }) => type === 'FP32') ? null : typesOfFeatures(inputs);
  return { types, numbers: numbersOfRow(inputs, rows, row) };
}

/** The numbers of a row, in the order of the features. */
function numbersOfRow({ features, inputs }: RowInputs, { data }: ModelRows, row: number): (number | bigint)[] {
  const numbers = new Array<number | bigint>(features.length).fill(Number.NaN);
  for (const [i, { places }] of inputs.entries())
    for (const [k, place] of places.entries()) numbers[place] = data[i][row * places.length + k];
  return numbers;
}

/** The cells of a row that a model was fed, in the order of the features: numbers, and texts. */
export function cellsOfRow(inputs: RowInputs, rows: ModelRows, row: number): (number | bigint | string)[] {
  const cells: (number | bigint | string)[] = numbersOfRow(inputs, rows, row);
  for (const [i, { places }] of (inputs.texts ?? []).entries())
    for (const [k, place] of places.entries()) {
      const text = rows.texts?.[i][row * places.length + k];
      if (text !== undefined) cells[place] = new TextDecoder().decode(text);
    }
  return cells;
}
