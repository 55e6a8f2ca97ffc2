import { fail } from '../../base/errors/fail.ts';
import type { ScoredColumn } from '../../ports/score-files.ts';
import { numbersOfBrains, numbersOfHalfs } from '../../schema/half-floats.ts';
import { type NumericTensorData, type Tensor, tensorArrays } from '../../schema/tensor.ts';
import { columnsOfOutput, type ModelOutput } from '../../versions/load/model-output.ts';
import { type ResultSink, scoreSink } from './score-range.ts';

/** A sink whose rows are written as columns. */
export interface ColumnSink<R> extends ResultSink<R> {
  columns(): readonly ScoredColumn[];
}

/** Takes one number a row as the column `score`. */
export function scoreColumn(rows: number): ColumnSink<Float64Array> {
  const { take, scores } = scoreSink(rows);
  return { take, columns: () => [{ name: 'score', type: 'FP64', width: null, data: scores }] };
}

/** Takes the tensors of the outputs, in their order, as they are: a number that is not finite is kept. Error: PREDICT_OUTPUTS. */
export function outputSink(outputs: readonly ModelOutput[], rows: number): ColumnSink<readonly Tensor[]> {
  const takers = outputs.map((output) => new OutputColumn(output, rows));
  return {
    take(row, found, place) {
      for (const [i, taker] of takers.entries()) {
        const reason = taker.take(row, found[i], place);
        if (reason !== null) return reason;
      }
      return null;
    },
    columns: () => takers.flatMap((taker) => taker.columns()),
  };
}

const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The values of one output for the rows of a range. */
class OutputColumn {
  readonly #output: ModelOutput;
  readonly #rows: number;
  #width: number | null = null;
  #numbers: NumericTensorData | null = null;
  readonly #texts: string[] = [];

  constructor(output: ModelOutput, rows: number) {
    this.#output = output;
    this.#rows = rows;
  }

  take(row: number, tensor: Tensor, place: number): string | null {
    const width = this.#widthOf(tensor);
    const from = place * width;
    if (tensor.type === 'BYTES') return this.#takeTexts(row * width, tensor.data.slice(from, from + width));
    this.#numbers ??= new tensorArrays[tensor.type](this.#rows * width);
    copyNumbers(tensor.data, from, this.#numbers, row * width, width);
    return null;
  }

  columns(): readonly ScoredColumn[] {
    const { name, type, isList, classes } = this.#output;
    const width = this.#width ?? classes?.length ?? 1;
    const data = this.#data(width);
    const shared = { type: type === 'FP16' || type === 'BF16' ? 'FP32' : type } as const;
    if (classes === null) return [{ ...shared, name, width: isList ? width : null, data }];
    return columnsOfOutput(this.#output).map((column, place) => ({
      ...shared,
      name: column,
      width: null,
      data: everyOf(data, width, place),
    }));
  }

  #widthOf({ data, shape: [rows = 0] }: Tensor): number {
    const { name, isList, classes } = this.#output;
    const width = data.length / rows;
    const wanted = this.#width ?? classes?.length ?? (isList ? width : 1);
    if (width !== wanted || !(width > 0))
      throw fail('PREDICT_OUTPUTS', { output: name, reason: `it has ${width} values a row, not ${wanted}` });
    this.#width = width;
    return width;
  }

  #takeTexts(at: number, texts: readonly Uint8Array[]): string | null {
    for (const [i, bytes] of texts.entries())
      try {
        this.#texts[at + i] = DECODER.decode(bytes);
      } catch {
        return `its output '${this.#output.name}' is no text in UTF-8`;
      }
    return null;
  }

  #data(width: number): NumericTensorData | readonly string[] {
    const { type } = this.#output;
    if (type === 'BYTES') return Array.from({ length: this.#rows * width }, (_, i) => this.#texts[i] ?? '');
    const numbers = this.#numbers ?? new tensorArrays[type](this.#rows * width);
    if (type === 'FP16' && numbers instanceof Uint16Array) return numbersOfHalfs(numbers);
    return type === 'BF16' && numbers instanceof Uint16Array ? numbersOfBrains(numbers) : numbers;
  }
}

/** Every value at a place of its row, for rows of `width` values. */
function everyOf(data: NumericTensorData | readonly string[], width: number, place: number): ScoredColumn['data'] {
  if (isTexts(data)) return data.filter((_, i) => i % width === place);
  const rows = data.length / width;
  const found: NumericTensorData = data.slice(0, rows);
  for (let row = 0; row < rows; row += 1) copyNumbers(data, row * width + place, found, row, 1);
  return found;
}

function isTexts(data: ScoredColumn['data']): data is readonly string[] {
  return Array.isArray(data);
}

/** Copies numbers between arrays of one type. Hot path: a part of an array costs more than a few numbers. */
function copyNumbers(from: NumericTensorData, at: number, to: NumericTensorData, into: number, count: number): void {
  if (isWide(from) && isWide(to)) for (let i = 0; i < count; i += 1) to[into + i] = from[at + i];
  else if (!isWide(from) && !isWide(to)) for (let i = 0; i < count; i += 1) to[into + i] = from[at + i];
}

function isWide(data: NumericTensorData): data is BigInt64Array<ArrayBuffer> | BigUint64Array<ArrayBuffer> {
  return data instanceof BigInt64Array || data instanceof BigUint64Array;
}
