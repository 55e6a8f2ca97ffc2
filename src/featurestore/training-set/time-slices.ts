import type { FeatureServiceData } from '../../features/define/declaration.ts';
import { serviceReachBackMs } from '../../features/plan/service-read.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';

/** Instants `from <= at < to`, epoch ms. */
export interface TimeSlice {
  readonly from: number;
  readonly to: number;
}

/**
 * Slices of a spine by time, in order, that are joined one after the other: about `rows` rows in each where they lie
 * evenly, so that what a join holds at a time does not grow with the spine. No slice is shorter than the features reach back:
 * every event is read for its own slice and the next one at most. `spine` is a SELECT with `_at`; none where it has no rows.
 */
export async function timeSlices(
  service: FeatureServiceData,
  offline: OfflineStore,
  spine: string,
  rows: number,
): Promise<readonly TimeSlice[]> {
  let [first, last, count]: readonly (number | null)[] = [null, null, 0];
  for await (const batch of offline.query(`SELECT MIN(_at), MAX(_at), COUNT(*) FROM (${spine})`)) {
    [first, last, count] = batch[0].map((cell) => (cell === null ? null : Number(cell)));
  }
  if (first === null || last === null || count === null) return [];
  const span = last - first + 1;
  const reach = serviceReachBackMs(service) ?? span;
  const slices = Math.max(1, Math.floor(Math.min(count / rows, span / Math.max(reach, 1))));
  const length = Math.ceil(span / slices);
  return Array.from({ length: slices }, (_, index) => {
    const from = first + index * length;
    return { from, to: Math.min(from + length, last + 1) };
  }).filter(({ from, to }) => from < to);
}
