import { fail } from '../../base/errors/fail.ts';
import { mergeRegisters, type Registers } from '../../features/aggregate/registers.ts';
import { addFrequent, createFrequentItems, type FrequentItems, mergeFrequent } from './frequent-items.ts';
import { binOf, type FrozenBins, sameBins } from './frozen-bins.ts';
import { addToKll, createKll, type KllSketch, mergeKll } from './kll-sketch.ts';
import { raiseNumber, raiseText } from './value-hash.ts';

/** Accuracy of quantiles: rank error 1.05 %. */
const PROFILE_K = 256;
/** Texts that are counted; beyond it the rarest go. */
const MOST_TEXTS = 512;
/** Different numbers up to which each is counted. */
export const MOST_NUMBERS = 64;

/** A column as a profile holds it: a commutative monoid, so that a window is a merge of parts in any order. */
export interface ColumnSketch {
  readonly type: 'number' | 'text';
  rows: number;
  /** Null, not answered, or NaN. */
  missing: number;
  /** ±infinity: counted, in no moment and no quantile. */
  infinite: number;
  /** Of finite numbers. */
  mean: number;
  /** Σ (x − mean)², by Chan's formula; the largest double where it overflows. */
  squares: number;
  /** Whether every number is whole. */
  whole: boolean;
  kll: KllSketch | null;
  registers: Registers | null;
  /** Different values by the sketch of another program, which has no registers here; null: the registers say it. */
  distinct: number | null;
  /** Counts of values; null for numbers once there are too many different ones. */
  frequent: FrequentItems | null;
  readonly bins: FrozenBins | null;
  /** Counts over the reference's bins, the last one of missing values. */
  readonly counts: Float64Array | null;
}

/** `seed` decides the chances of its quantiles: sketches that are merged have different ones, or their errors would add up. */
export function createColumnSketch(type: 'number' | 'text', bins: FrozenBins | null = null, seed = 1): ColumnSketch {
  return {
    type,
    rows: 0,
    missing: 0,
    infinite: 0,
    mean: 0,
    squares: 0,
    whole: true,
    kll: type === 'number' ? createKll(PROFILE_K, seed) : null,
    registers: null,
    distinct: null,
    frequent: createFrequentItems(type === 'text' ? MOST_TEXTS : MOST_NUMBERS),
    bins,
    counts: bins === null ? null : new Float64Array(bins.count + 1),
  };
}

/** Finite numbers seen. */
export function numbersIn({ type, rows, missing, infinite }: ColumnSketch): number {
  return type === 'number' ? rows - missing - infinite : 0;
}

/** Adds a number; null and NaN are missing. Hot path. */
export function addNumber(sketch: ColumnSketch, given: number | null): void {
  // −0 is 0: otherwise the order of a merge would show.
  const value = given === null ? null : given + 0;
  sketch.rows += 1;
  if (sketch.counts !== null && sketch.bins !== null) sketch.counts[binOf(sketch.bins, value)] += 1;
  if (value === null || Number.isNaN(value)) {
    sketch.missing += 1;
    return;
  }
  if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY) {
    sketch.infinite += 1;
    return;
  }
  const n = sketch.rows - sketch.missing - sketch.infinite;
  const gap = value - sketch.mean;
  sketch.mean = sketch.mean - sketch.mean / n + value / n;
  sketch.squares = bounded(sketch.squares + gap * (value - sketch.mean));
  if (sketch.whole && !Number.isInteger(value)) sketch.whole = false;
  if (sketch.kll !== null) addToKll(sketch.kll, value);
  sketch.registers = raiseNumber(sketch.registers, value);
  if (sketch.frequent !== null) {
    if (sketch.frequent.counts.size >= MOST_NUMBERS && !sketch.frequent.counts.has(String(value)))
      sketch.frequent = null;
    else addFrequent(sketch.frequent, String(value));
  }
}

/** Adds a text; null is missing, the empty text is a value. */
export function addText(sketch: ColumnSketch, value: string | null): void {
  sketch.rows += 1;
  if (sketch.counts !== null && sketch.bins !== null) sketch.counts[binOf(sketch.bins, value)] += 1;
  if (value === null) {
    sketch.missing += 1;
    return;
  }
  sketch.registers = raiseText(sketch.registers, value);
  if (sketch.frequent !== null) addFrequent(sketch.frequent, value);
}

/** Adds another sketch of the same column. Error: DRIFT_MERGE. */
export function mergeColumn(held: ColumnSketch, added: ColumnSketch, column: string): void {
  if (held.type !== added.type)
    throw fail('DRIFT_MERGE', { column, reason: `one has numbers, the other has ${added.type}s` });
  if (!sameBins(held.bins, added.bins))
    throw fail('DRIFT_MERGE', { column, reason: 'their bins come from different references' });
  mergeMoments(held, added);
  held.rows += added.rows;
  held.missing += added.missing;
  held.infinite += added.infinite;
  held.whole &&= added.whole;
  if (held.kll !== null && added.kll !== null) mergeKll(held.kll, added.kll);
  held.registers = mergeRegisters(held.registers, [added.registers], 0, 1, 1);
  mergeCounts(held, added);
  for (const [i, count] of added.counts?.entries() ?? []) addAt(held.counts, i, count);
}

function addAt(counts: Float64Array | null, i: number, count: number): void {
  if (counts !== null) counts[i] += count;
}

/** Chan, Golub and LeVeque 1979, eq. 1.5. */
function mergeMoments(held: ColumnSketch, added: ColumnSketch): void {
  const a = numbersIn(held);
  const b = numbersIn(added);
  if (b === 0) return;
  const gap = added.mean - held.mean;
  held.mean = a === 0 ? added.mean : held.mean * (a / (a + b)) + added.mean * (b / (a + b));
  held.squares = bounded(held.squares + added.squares + (a === 0 ? 0 : gap * gap * ((a * b) / (a + b))));
}

/** Squares of huge numbers overflow: the largest double then says that the deviation is not known. */
export function bounded(squares: number): number {
  return Math.min(squares, Number.MAX_VALUE);
}

function mergeCounts(held: ColumnSketch, added: ColumnSketch): void {
  if (held.frequent === null || added.frequent === null) {
    held.frequent = null;
    return;
  }
  if (held.type === 'text') {
    mergeFrequent(held.frequent, added.frequent);
    return;
  }
  const texts = new Set([...held.frequent.counts.keys(), ...added.frequent.counts.keys()]);
  if (texts.size > MOST_NUMBERS) held.frequent = null;
  else mergeFrequent(held.frequent, added.frequent);
}
