import type { ModelRows } from '../../src/model/model-rows.ts';
import { type RowInputs, trainedInputs } from '../../src/model/row-inputs.ts';
import { rowsOfNumbers } from '../../src/model/row-writer.ts';

/** The inputs of a trained model of this many features. */
export function singles(width: number): RowInputs {
  return trainedInputs({ features: Array.from({ length: width }, (_, i) => `f${i}`), input: 'features' });
}

/** Rows of numbers, one after the other, as a model with these inputs is fed them. */
export function fedRows({ inputs }: { readonly inputs: RowInputs }, numbers: ArrayLike<number>): ModelRows {
  const width = inputs.features.length;
  const rows = Array.from({ length: numbers.length / width }, (_, row) =>
    Array.from({ length: width }, (_none, i) => numbers[row * width + i]),
  );
  return rowsOfNumbers(inputs, rows, (reason) => new RangeError(reason));
}
