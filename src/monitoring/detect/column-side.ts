import { estimateOf, type Registers } from '../../features/aggregate/registers.ts';
import type { ColumnValues } from '../../ports/table-file.ts';
import { type ColumnSketch, numbersIn } from '../profile/column-sketch.ts';
import { addFrequent, createFrequentItems } from '../profile/frequent-items.ts';
import { raiseText } from '../profile/value-hash.ts';
import { type Distribution, distributionOf, distributionOfKll } from './distribution.ts';
import type { FeatureKind } from './feature-kind.ts';

/** One side of a comparison: a column's facts, from its values or from its profile. */
export interface ColumnSide {
  readonly type: 'number' | 'text';
  readonly rows: number;
  readonly missing: number;
  readonly infinite: number;
  /** Of finite numbers; null where there is none. */
  readonly mean: number | null;
  readonly deviation: number | null;
  readonly least: number | null;
  readonly greatest: number | null;
  readonly whole: boolean;
  readonly distinct: number;
  readonly distribution: Distribution | null;
  /** Counts of values; null where numbers are too many. */
  readonly values: ReadonlyMap<string, number> | null;
  /** A count in `values` may be this much too low. */
  readonly offset: number;
  /** The kind of the column, where this side is a part that does not decide it. */
  readonly kind?: FeatureKind;
}

/** Different values that are counted one by one. */
const MOST_VALUES = 20_000;
/** Different numbers that are counted one by one. */
const MOST_NUMBERS = 64;

export function sideOfValues(values: ColumnValues): ColumnSide {
  return values instanceof Float64Array ? numberSide(values) : textSide(values);
}

function numberSide(numbers: Float64Array): ColumnSide {
  const distribution = distributionOf(numbers);
  const { values, upTo, n } = distribution;
  let missing = 0;
  for (let i = 0; i < numbers.length; i += 1) if (Number.isNaN(numbers[i])) missing += 1;
  const { mean, squares, whole } = momentsOf(distribution);
  const counted = values.length <= MOST_NUMBERS;
  return {
    type: 'number',
    rows: numbers.length,
    missing,
    infinite: numbers.length - missing - n,
    mean: n === 0 ? null : mean,
    deviation: n === 0 || !Number.isFinite(squares) ? null : Math.sqrt(squares),
    least: n === 0 ? null : values[0],
    greatest: n === 0 ? null : values[values.length - 1],
    whole,
    distinct: values.length,
    distribution,
    values: counted
      ? new Map(Array.from(values, (value, i) => [String(value), upTo[i] - (upTo[i - 1] ?? 0)] as const))
      : null,
    offset: 0,
  };
}

/** Mean and mean square around it, and whether every value is whole. Hot path. */
function momentsOf({ values, upTo, n }: Distribution): { mean: number; squares: number; whole: boolean } {
  let mean = 0;
  let whole = true;
  let before = 0;
  for (let i = 0; i < values.length; i += 1) {
    mean += (values[i] * (upTo[i] - before)) / n;
    before = upTo[i];
    whole &&= Number.isInteger(values[i]);
  }
  let squares = 0;
  before = 0;
  for (let i = 0; i < values.length; i += 1) {
    const gap = values[i] - mean;
    squares += gap * gap * ((upTo[i] - before) / n);
    before = upTo[i];
  }
  return { mean, squares, whole };
}

function textSide(texts: readonly (string | null)[]): ColumnSide {
  const held = createFrequentItems(MOST_VALUES);
  let registers: Registers | null = null;
  let missing = 0;
  for (const text of texts) {
    if (text === null) missing += 1;
    else {
      addFrequent(held, text);
      registers = raiseText(registers, text);
    }
  }
  return {
    ...noNumbers,
    type: 'text',
    rows: texts.length,
    missing,
    distinct: held.offset === 0 ? held.counts.size : Math.round(estimateOf(registers)),
    values: held.counts,
    offset: held.offset,
  };
}

const noNumbers = {
  infinite: 0,
  mean: null,
  deviation: null,
  least: null,
  greatest: null,
  whole: false,
  distribution: null,
} as const;

export function sideOfSketch(sketch: ColumnSketch): ColumnSide {
  const n = numbersIn(sketch);
  const values = sketch.frequent?.counts ?? null;
  const common = {
    rows: sketch.rows,
    missing: sketch.missing,
    distinct:
      values !== null && sketch.frequent?.offset === 0
        ? values.size
        : (sketch.distinct ?? Math.round(estimateOf(sketch.registers))),
    values,
    offset: sketch.frequent?.offset ?? 0,
  };
  if (sketch.type === 'text' || sketch.kll === null) return { ...noNumbers, ...common, type: 'text' };
  return {
    ...common,
    type: 'number',
    infinite: sketch.infinite,
    mean: n === 0 ? null : sketch.mean,
    deviation: n === 0 || sketch.squares === Number.MAX_VALUE ? null : Math.sqrt(sketch.squares / n),
    least: n === 0 ? null : sketch.kll.min,
    greatest: n === 0 ? null : sketch.kll.max,
    whole: sketch.whole,
    distribution: distributionOfKll(sketch.kll),
  };
}
