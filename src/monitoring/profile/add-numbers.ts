import { bounded, type ColumnSketch, MOST_NUMBERS, numbersIn } from './column-sketch.ts';
import { addFrequent, createFrequentItems } from './frequent-items.ts';
import { binOf } from './frozen-bins.ts';
import { addAllToKll } from './kll-sketch.ts';
import { raiseNumber } from './value-hash.ts';

/** A column whose numbers come in batches: its sketch, and the counts of its values while they are few. */
export interface NumberColumn {
  readonly sketch: ColumnSketch;
  /** Null: there are too many different values. */
  values: Map<number, number> | null;
}

/** Most numbers of one batch: with this many, sorting by digits pays. */
export const MOST_BATCH = 8192;

const finite = new Float64Array(MOST_BATCH);

export function numberColumn(sketch: ColumnSketch): NumberColumn {
  return { sketch, values: new Map() };
}

/**
 * Adds `count` numbers of `buffer`, from `from` on, `stride` apart; NaN is missing. The sketch then has the counts, bins and registers
 * of the same numbers added one by one. Call `settleNumbers` before it is read. Hot path: one sort a batch, nothing per value.
 */
export function addNumbers(
  column: NumberColumn,
  buffer: Float64Array,
  from: number,
  stride: number,
  count: number,
): void {
  const { sketch } = column;
  const { bins, counts } = sketch;
  const held = numbersIn(sketch);
  let n = 0;
  let sum = 0;
  for (let i = 0, at = from; i < count; i += 1, at += stride) {
    // −0 is 0: otherwise the order of a merge would show.
    const value = buffer[at] + 0;
    if (counts !== null && bins !== null) counts[binOf(bins, value)] += 1;
    if (Number.isNaN(value)) sketch.missing += 1;
    else if (value - value !== 0) sketch.infinite += 1;
    else {
      finite[n] = value;
      sum += value;
      n += 1;
    }
  }
  sketch.rows += count;
  if (n === 0) return;
  addMoments(sketch, held, n, sum);
  addValues(column, n);
  if (sketch.kll !== null) addAllToKll(sketch.kll, finite.subarray(0, n));
}

/** Writes the counts of few values to the sketch, as the texts that it has them by. */
export function settleNumbers({ sketch, values }: NumberColumn): void {
  if (values === null) {
    sketch.frequent = null;
    return;
  }
  sketch.frequent = createFrequentItems(MOST_NUMBERS);
  for (const [value, count] of values) addFrequent(sketch.frequent, String(value), count);
}

/** The batch's own mean and squares in two passes, added by Chan, Golub and LeVeque 1979, eq. 1.5. */
function addMoments(sketch: ColumnSketch, held: number, n: number, sum: number): void {
  // A sum of huge numbers overflows: the mean is then taken number by number.
  let mean = sum / n;
  if (!Number.isFinite(mean)) {
    mean = 0;
    for (let i = 0; i < n; i += 1) mean += finite[i] / n;
  }
  let squares = 0;
  let whole = sketch.whole;
  for (let i = 0; i < n; i += 1) {
    const gap = finite[i] - mean;
    squares += gap * gap;
    if (whole && !Number.isInteger(finite[i])) whole = false;
  }
  sketch.whole = whole;
  const gap = mean - sketch.mean;
  sketch.mean = held === 0 ? mean : sketch.mean * (held / (held + n)) + mean * (n / (held + n));
  sketch.squares = bounded(sketch.squares + squares + (held === 0 ? 0 : gap * gap * ((held * n) / (held + n))));
}

/** Raises registers, but for values that are counted: those have raised theirs. */
function addValues(column: NumberColumn, n: number): void {
  const { sketch } = column;
  let { values } = column;
  let { registers } = sketch;
  for (let i = 0; i < n; i += 1) {
    const value = finite[i];
    if (values !== null) {
      const times = values.get(value);
      if (times !== undefined) {
        values.set(value, times + 1);
        continue;
      }
      if (values.size < MOST_NUMBERS) values.set(value, 1);
      else values = null;
    }
    registers = raiseNumber(registers, value);
  }
  column.values = values;
  sketch.registers = registers;
}
