import { compareText } from '../../base/text-order.ts';
import { floorTo } from '../../base/time.ts';
import type { StreamViewData } from '../../features/define/declaration.ts';
import type { Delivery } from '../../features/engine/delivery.ts';
import { viewKeyEncoder } from '../../features/engine/stream-engine.ts';
import { compileExpression } from '../../features/expression/compile.ts';
import type { Value } from '../../schema/column.ts';
import { naiveAggregate } from './naive-aggregate.ts';

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

/**
 * Answers of all features of a view for a key at `q`, over accepted deliveries: corrected, or as known at `knownAt`,
 * without what arrived later. Undefined where an aggregate has no exact answer.
 */
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
