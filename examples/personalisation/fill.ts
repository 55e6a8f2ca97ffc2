import type { Headrace } from 'headrace';
import type { ReplayClock } from '../flights/replay-clock.ts';
import { clicks, purchases } from './declaration.ts';
import type { Slice, Traffic } from './traffic.ts';

const FLUSH_EVERY = 100_000;

/**
 * Takes the history of a shop at the pace of its own clock, then what has happened meanwhile, and runs the batch views as of
 * now. `taken` hears how many events it has, now and then. Returns their number.
 */
export async function fillHistory(
  headrace: Headrace,
  clock: ReplayClock,
  traffic: Traffic,
  now: () => number,
  taken: (events: number) => void,
): Promise<number> {
  let events = 0;
  let flushed = 0;
  const take = async (slice: Slice) => {
    clock.set(slice.at);
    if (slice.clicks.length > 0) await headrace.ingest(clicks, slice.clicks);
    if (slice.purchases.length > 0) await headrace.ingest(purchases, slice.purchases);
    events += slice.clicks.length + slice.purchases.length;
  };
  for await (const slice of traffic.history()) {
    await take(slice);
    if (events - flushed < FLUSH_EVERY) continue;
    flushed = events;
    await headrace.flush();
    taken(events);
  }
  await take(traffic.live(now()));
  for (const view of headrace.project.views) if (view.kind === 'batchView') await headrace.backfill(view);
  return events;
}
