import type { Tensor } from '../schema/tensor.ts';

/**
 * The scores of an output: its one number a row, or the second of two, each as the double that it is. A whole number that no double is
 * has NaN instead, which no caller takes for a score.
 */
export function scoresOfTensor(data: Tensor['data'], rows: number): Float64Array {
  const width = data.length / rows;
  const scores = new Float64Array(rows);
  for (let row = 0; row < rows; row += 1) scores[row] = scoreOf(data[row * width + width - 1]);
  return scores;
}

function scoreOf(value: Tensor['data'][number]): number {
  const number = Number(value);
  return typeof value === 'bigint' && BigInt(number) !== value ? Number.NaN : number;
}
