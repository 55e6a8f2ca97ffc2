import { compareText } from '../../base/text-order.ts';
import { floorTo } from '../../base/time.ts';
import type { AggregateSpec, StreamViewData } from '../../features/define/declaration.ts';
import type { Delivery } from '../../features/engine/delivery.ts';
import { viewKeyEncoder } from '../../features/engine/stream-engine.ts';
import { compileExpression } from '../../features/expression/compile.ts';
import type { Value } from '../../schema/column.ts';

/**
 * The naive oracle: what a view answers, by scanning all events. No tiles, no partials, nothing shared with the engines
 * but keys and expressions.
 */

/** The deliveries that count, of one source in log order: first of its id, not from the future, not late. */
export function acceptedDeliveries(view: StreamViewData, deliveries: readonly Delivery[]): readonly Delivery[] {
  const seen = new Set<string>();
  return deliveries.filter(({ id, ts, ingestTs }) => {
    if (seen.has(id)) return false;
    seen.add(id);
    return ts - ingestTs <= view.source.futureSkewMs && ingestTs - ts <= view.source.latenessMs;
  });
}

/** Answers of all features of a view for a key at `q`, over accepted deliveries; `knownAt` leaves out what arrived later. */
export function naiveAnswers(
  view: StreamViewData,
  accepted: readonly Delivery[],
  key: string,
  q: number,
  knownAt = Number.POSITIVE_INFINITY,
): readonly (Value | undefined)[] {
  const keyOf = viewKeyEncoder(view);
  const mine = accepted.filter(({ row, ingestTs }) => ingestTs <= knownAt && keyOf(row) === key).sort(byTimeAndId);
  return view.features.map(({ aggregate, windowMs, hopMs }) => {
    const length = Math.min(windowMs ?? Number.POSITIVE_INFINITY, view.ttlMs ?? Number.POSITIVE_INFINITY);
    const from = length === Number.POSITIVE_INFINITY ? Number.NEGATIVE_INFINITY : floorTo(q - length, hopMs);
    const spec = view.aggregates[aggregate];
    const input = spec.input === null ? () => true : compileExpression(spec.input, view.source.columns);
    return naiveAggregate(
      spec,
      mine.filter(({ ts }) => from <= ts && ts < q).map(({ row }) => input(row)),
    );
  });
}

function byTimeAndId(a: Delivery, b: Delivery): number {
  return a.ts - b.ts || compareText(a.id, b.id);
}

/** One aggregate over the inputs of the window's events, in order of (time, id). */
export function naiveAggregate(spec: AggregateSpec, inputs: readonly Value[]): Value | undefined {
  const values = inputs.filter((value): value is NonNullable<Value> => value !== null);
  const unit = spec.inputType?.type === 'decimal' ? 10 ** (spec.inputType.scale ?? 0) : 1;
  if (spec.kind === 'count') return values.filter((value) => value !== false).length;
  if (spec.kind === 'distinct') return withinCap(new Set(values).size, spec);
  if (spec.kind === 'lastN') return scalars(values).slice(-spec.params['n']).reverse();
  if (spec.kind === 'topK') return naiveTopK(spec, values);
  if (values.length === 0) return null;
  switch (spec.kind) {
    case 'share':
      return values.filter((value) => value === true).length / values.length;
    case 'sum':
      return inRange(total(values), typeof values[0] === 'bigint');
    case 'mean':
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
      return Number([...values].sort(order)[Math.max(1, Math.ceil(spec.params['q'] * values.length)) - 1]) / unit;
    case 'approxDistinct':
      return new Set(values).size;
    default:
      return spec.kind satisfies never;
  }
}

function total(values: readonly Value[]): bigint {
  return values.reduce<bigint>(
    (sum, value) => sum + BigInt(Number.isInteger(value) || typeof value === 'bigint' ? (value as number | bigint) : 0),
    0n,
  );
}

function inRange(sum: bigint, exact: boolean): Value | undefined {
  if (exact) return BigInt.asIntN(64, sum) === sum ? sum : undefined;
  return Number.isSafeInteger(Number(sum)) ? Number(sum) : undefined;
}

function naiveVariance(values: readonly Value[], ddof: number, unit: number): number | null {
  if (values.length <= ddof) return null;
  const exact = values.map((value) => BigInt(value as number | bigint));
  const sum = total(values);
  const squares = exact.reduce((all, value) => all + value * value, 0n);
  const n = values.length;
  return Number(BigInt(n) * squares - sum * sum) / (n * (n - ddof) * unit * unit);
}

function rooted(variance: number | null): number | null {
  return variance === null ? null : Math.sqrt(variance);
}

function naiveTopK(spec: AggregateSpec, values: readonly Value[]): Value | undefined {
  const counts = new Map<Value, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  if (withinCap(counts.size, spec) === undefined) return undefined;
  const ranked = [...counts].sort(([a, x], [b, y]) => y - x || compareText(String(a), String(b)));
  return scalars(ranked.map(([value]) => value)).slice(0, spec.params['k']);
}

function withinCap(size: number, spec: AggregateSpec): number | undefined {
  return size > (spec.params['cap'] ?? Number.POSITIVE_INFINITY) ? undefined : size;
}

function scalars(values: readonly Value[]): (string | number | bigint | boolean)[] {
  return values.filter((value) => value !== null && typeof value !== 'object');
}

function order(a: Value, b: Value): number {
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  return a === b ? 0 : Number(a) < Number(b) || (typeof a === 'bigint' && typeof b === 'bigint' && a < b) ? -1 : 1;
}
