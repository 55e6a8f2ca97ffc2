import { compareText } from '../../base/text-order.ts';
import type { AggregateSpec } from '../../features/define/declaration.ts';
import type { Value } from '../../schema/column.ts';
import { naiveEstimate } from './naive-estimate.ts';

type Held = NonNullable<Value>;

/**
 * One aggregate by its definition, over the inputs of a window's events in order of (time, id), and their times. Undefined where it has
 * no exact answer: more values than its cap, a sum beyond its type, a value beyond 3·10^15 that is squared, a spread beyond 38 digits.
 */
export function naiveAggregate(
  spec: AggregateSpec,
  inputs: readonly Value[],
  times: readonly number[],
): Value | undefined {
  const values = inputs.filter((value): value is Held => value !== null);
  const { kind, params } = spec;
  if (kind === 'count') return values.filter((value) => value !== false).length;
  if (kind === 'distinct') return withinCap(new Set(values).size, params['cap']);
  if (kind === 'approxDistinct') return naiveEstimate(values.map(String));
  if (kind === 'lastN') return scalars(values).slice(-params['n']).reverse();
  if (kind === 'topK' || kind === 'topKCounts') return naiveTopK(kind, params, values);
  if (values.length === 0) return null;
  const unit = spec.inputType?.type === 'decimal' ? 10 ** (spec.inputType.scale ?? 0) : 1;
  switch (kind) {
    case 'meanOfDays':
    case 'minOfDays':
    case 'maxOfDays':
    case 'quantileOfDays':
      return naiveOfDays(kind, params, dayTotals(inputs, times), { unit, wide: typeof values[0] === 'bigint' });
    case 'share':
      return values.filter((value) => value === true).length / values.length;
    case 'sum':
      return inRange(total(values), typeof values[0] === 'bigint');
    case 'mean':
      if (spec.inputType?.type === 'embedding') return naiveMean(values, [], spec.inputType.length ?? 1);
      return Number(total(values)) / (values.length * unit);
    case 'min':
      return values.reduce((a, b) => (order(a, b) <= 0 ? a : b));
    case 'max':
      return values.reduce((a, b) => (order(a, b) >= 0 ? a : b));
    case 'first':
      return values[0];
    case 'last':
      return values[values.length - 1];
    case 'variancePop':
      return naiveVariance(values, 0, unit);
    case 'varianceSample':
      return naiveVariance(values, 1, unit);
    case 'stddevPop':
      return rooted(naiveVariance(values, 0, unit));
    case 'stddevSample':
      return rooted(naiveVariance(values, 1, unit));
    case 'quantile':
      return binMiddle([...values].sort(order)[Math.max(1, Math.ceil(params['q'] * values.length)) - 1]) / unit;
    default:
      return kind satisfies never;
  }
}

function exact(value: Held): bigint {
  return typeof value === 'bigint' || typeof value === 'number' ? BigInt(value) : 0n;
}

function total(values: readonly Held[]): bigint {
  return values.reduce((sum: bigint, value) => sum + exact(value), 0n);
}

function inRange(sum: bigint, wide: boolean): Value | undefined {
  if (wide) return BigInt.asIntN(64, sum) === sum ? sum : undefined;
  return sum > BigInt(Number.MAX_SAFE_INTEGER) || sum < BigInt(Number.MIN_SAFE_INTEGER) ? undefined : Number(sum);
}

function naiveVariance(values: readonly Held[], ddof: number, unit: number): number | null | undefined {
  const n = values.length;
  if (n <= ddof) return null;
  const all = values.map(exact);
  if (all.some((value) => value > 3_000_000_000_000_000n || value < -3_000_000_000_000_000n)) return undefined;
  const squares = all.reduce((sum, value) => sum + value * value, 0n);
  if (!hasSpread(n, squares, total(values))) return undefined;
  return Number(BigInt(n) * squares - total(values) ** 2n) / (n * (n - ddof) * unit * unit);
}

/** Whether n·Σx² and (Σx)² fit in 38 digits, by the bounds that are declared for it. */
export function hasSpread(n: number, squares: bigint, sum: bigint): boolean {
  const magnitude = sum < 0n ? -sum : sum;
  return n * Number(squares) < 9e37 && magnitude <= 9_400_000_000_000_000_000n;
}

function rooted(variance: number | null | undefined): number | null | undefined {
  return typeof variance === 'number' ? Math.sqrt(variance) : variance;
}

/** The middle of the log-linear bin of a whole number: 64 bins to an octave, edges `x - x MOD w`. */
function binMiddle(value: Held): number {
  const x = exact(value);
  const magnitude = x < 0n ? -x : x;
  let width = 1n;
  while (magnitude >= 128n * width) width *= 2n;
  const edge = x - (x % width);
  return Number(edge) + ((x < 0n ? -1 : 1) * Number(width - 1n)) / 2;
}

function naiveTopK(
  kind: 'topK' | 'topKCounts',
  params: AggregateSpec['params'],
  values: readonly Held[],
): Value | undefined {
  const counts = new Map<Held, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  if (withinCap(counts.size, params['cap']) === undefined) return undefined;
  const ranked = [...counts].sort(([a, x], [b, y]) => y - x || compareText(String(a), String(b)));
  const taken = ranked.slice(0, params['k']);
  return kind === 'topK' ? scalars(taken.map(([value]) => value)) : taken.map(([, count]) => count);
}

/** The sums of the inputs of each day, by the date in UTC. */
function dayTotals(inputs: readonly Value[], times: readonly number[]): readonly bigint[] {
  const days = new Map<string, bigint>();
  inputs.forEach((value, i) => {
    const day = new Date(times[i]).toISOString().split('T')[0] ?? '';
    if (value !== null) days.set(day, (days.get(day) ?? 0n) + exact(value));
  });
  return [...days.values()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

function naiveOfDays(
  kind: 'meanOfDays' | 'minOfDays' | 'maxOfDays' | 'quantileOfDays',
  params: AggregateSpec['params'],
  totals: readonly bigint[],
  { unit, wide }: { readonly unit: number; readonly wide: boolean },
): Value | undefined {
  if (kind === 'meanOfDays') return Number(total(totals)) / (totals.length * unit);
  if (kind === 'minOfDays') return inRange(totals[0], wide);
  if (kind === 'maxOfDays') return inRange(totals[totals.length - 1], wide);
  return inRange(totals[Math.max(1, Math.ceil(params['q'] * totals.length)) - 1], wide);
}

/**
 * The mean of embeddings by its definition, number by number, less what is taken away: numbers in multiples of 2^-32, halves
 * upward. Undefined where one beyond ±2,097,151 is left.
 */
export function naiveMean(
  puts: readonly Value[],
  takes: readonly Value[],
  length: number,
): readonly number[] | null | undefined {
  const [put, taken] = [puts.filter(isNumbers), takes.filter(isNumbers)];
  const n = put.length - taken.length;
  if (n <= 0) return null;
  const wild = (of: readonly (readonly number[])[]) =>
    of.filter((numbers) => numbers.some((x) => Math.abs(x) > 2_097_151)).length;
  if (wild(put) !== wild(taken)) return undefined;
  const sum = (of: readonly (readonly number[])[], i: number) =>
    of.reduce((all, { [i]: x }) => (Math.abs(x) > 2_097_151 ? all : all + nearestMultiple(x)), 0n);
  return Array.from({ length }, (_, i) => Number(sum(put, i) - sum(taken, i)) / (n * 2 ** 32));
}

/** `floor(x · 2^32 + 0.5)` as every engine computes it, in doubles. */
function nearestMultiple(x: number): bigint {
  return BigInt(Math.floor(x * 2 ** 32 + 0.5));
}

function isNumbers(value: Value): value is readonly number[] {
  return Array.isArray(value);
}

function withinCap(size: number, cap: number): number | undefined {
  return size > cap ? undefined : size;
}

function scalars(values: readonly Held[]): (string | number | bigint | boolean)[] {
  return values.filter((value) => typeof value !== 'object');
}

function order(a: Held, b: Held): number {
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  return a < b ? -1 : a > b ? 1 : 0;
}
