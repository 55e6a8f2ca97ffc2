import type { ClockSpan } from '../../base/time.ts';
import type { Delivery } from '../../features/engine/delivery.ts';

/** A clock that goes back by at most this keeps the order of ingest times, ms. */
const SMALL_STEP_MS = 1_000;

/**
 * The ingest time of an event that is taken now. While it is known when that is, it is now. Between two clocks that differ it is the time
 * of the event, as far as both allow: it is then late by the smaller one, and from the future by the larger one.
 */
export function arrivalOf(ts: number, { from, to }: ClockSpan): number {
  return Math.min(to, Math.max(from, ts));
}

/** An ingest time after the last one of its partition: a small step back is left out, a larger one is another clock. */
export function inOrder(at: number, last: number): number {
  return last > at && last - at <= SMALL_STEP_MS ? last : at;
}

/** Deliveries of a partition in runs in which ingest times never decrease, as a log takes them at once. */
export function runsInOrder(deliveries: readonly Delivery[]): readonly (readonly Delivery[])[] {
  const begins = [0];
  for (let i = 1; i < deliveries.length; i += 1)
    if (deliveries[i].ingestTs < deliveries[i - 1].ingestTs) begins.push(i);
  if (begins.length === 1) return [deliveries];
  return begins.map((begin, i) => deliveries.slice(begin, begins[i + 1]));
}
