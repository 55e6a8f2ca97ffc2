import { compareText } from '../../base/text-order.ts';
import { floorTo } from '../../base/time.ts';
import type { RowImages, StreamViewData } from '../../features/define/declaration.ts';
import type { Delivery } from '../../features/engine/delivery.ts';
import { viewKeyEncoder } from '../../features/engine/stream-engine.ts';
import { compileExpression } from '../../features/expression/compile.ts';
import type { Value } from '../../schema/column.ts';
import { naiveAggregate } from './naive-aggregate.ts';
import { naiveSigned } from './naive-signed.ts';

/**
 * The naive oracle: what a view answers, by scanning all events. No tiles, no partials, nothing shared with the engines
 * but keys and expressions.
 */

/** The deliveries that count, of one source in log order: of each id the first that is not from the future and not late. */
export function acceptedDeliveries(view: StreamViewData, deliveries: readonly Delivery[]): readonly Delivery[] {
  const seen = new Set<string>();
  return deliveries.filter(({ id, ts, ingestTs }) => {
    if (ts - ingestTs > view.source.futureSkewMs || ingestTs - ts > view.source.latenessMs || seen.has(id))
      return false;
    seen.add(id);
    return true;
  });
}

/**
 * Answers of all features of a view for a key at `q`, over accepted deliveries: corrected, or as known at `knownAt`,
 * without later arrivals. Undefined if an aggregate has no exact answer.
 */
export function naiveAnswers(
  view: StreamViewData,
  accepted: readonly Delivery[],
  key: string,
  q: number,
  knownAt = Number.POSITIVE_INFINITY,
): readonly (Value | undefined)[] {
  if (view.source.changes !== undefined) return naiveChanged(view, view.source.changes, accepted, key, q, knownAt);
  const keyOf = viewKeyEncoder(view);
  const mine = accepted.filter(({ row, ingestTs }) => ingestTs <= knownAt && keyOf(row) === key).sort(byTimeAndId);
  return view.features.map(({ aggregate, windowMs, hopMs }) => {
    const length = Math.min(windowMs ?? Number.POSITIVE_INFINITY, view.ttlMs ?? Number.POSITIVE_INFINITY);
    const from = length === Number.POSITIVE_INFINITY ? Number.NEGATIVE_INFINITY : floorTo(q - length, hopMs);
    const spec = view.aggregates[aggregate];
    const input = spec.input === null ? () => true : compileExpression(spec.input, view.source.columns);
    const counting = mine.filter(({ ts }) => from <= ts && ts < q);
    return naiveAggregate(
      spec,
      counting.map(({ row }) => input(row)),
      counting.map(({ ts }) => ts),
    );
  });
}

/**
 * The same over a source of changes: the rows with a time in the window that were inserted before q and not deleted
 * before it. Sums subtract every deleted row, also one that was never inserted; other aggregates answer over rows.
 */
function naiveChanged(
  view: StreamViewData,
  images: RowImages,
  accepted: readonly Delivery[],
  key: string,
  q: number,
  knownAt: number,
): readonly (Value | undefined)[] {
  const names = Object.keys(view.source.columns);
  const keyOf = viewKeyEncoder(view);
  const changes = accepted.filter(({ ts, row, ingestTs }) => ts < q && ingestTs <= knownAt && keyOf(row) === key);
  return view.features.map(({ aggregate, windowMs, hopMs }) => {
    const length = Math.min(windowMs ?? Number.POSITIVE_INFINITY, view.ttlMs ?? Number.POSITIVE_INFINITY);
    const from = length === Number.POSITIVE_INFINITY ? Number.NEGATIVE_INFINITY : floorTo(q - length, hopMs);
    const spec = view.aggregates[aggregate];
    const input = spec.input === null ? () => true : compileExpression(spec.input, view.source.columns);
    const rows = changes.map(
      ({ row }): Image => ({
        id: String(row[names.indexOf(images.id)]),
        ts: Number(row[names.indexOf(images.time)]),
        value: input(row),
        taken: row[names.indexOf(images.before)] === true,
      }),
    );
    const inWindow = rows.filter(({ ts }) => from <= ts && ts < q);
    const puts = inWindow.filter(({ taken }) => !taken);
    const takes = inWindow.filter(({ taken }) => taken);
    if (SUMS.has(spec.kind)) return naiveSigned(spec, valuesOf(puts), valuesOf(takes));
    const left = takes.reduce(without, puts).toSorted((a, b) => a.ts - b.ts || compareText(a.id, b.id));
    return naiveAggregate(
      spec,
      valuesOf(left),
      left.map(({ ts }) => ts),
    );
  });
}

interface Image {
  readonly id: string;
  readonly ts: number;
  readonly value: Value;
  readonly taken: boolean;
}

const SUMS: ReadonlySet<string> = new Set(
  'count share sum mean variancePop varianceSample stddevPop stddevSample'.split(' '),
);

function valuesOf(images: readonly Image[]): readonly Value[] {
  return images.map(({ value }) => value);
}

function without(rows: readonly Image[], { id, ts, value }: Image): readonly Image[] {
  const place = rows.findIndex((row) => row.id === id && row.ts === ts && isSame(row.value, value));
  return place < 0 ? rows : rows.toSpliced(place, 1);
}

function isSame(a: Value, b: Value): boolean {
  return a === b || (Array.isArray(a) && Array.isArray(b) && a.every((number, i) => number === b[i]));
}

function byTimeAndId(a: Delivery, b: Delivery): number {
  return a.ts - b.ts || compareText(a.id, b.id);
}
