import { replayClock } from '../flights/replay-clock.ts';
import { openSite, type Site, takeScheduled } from './site.ts';
import { latencyOf } from './summary.ts';

/** Flights whose way from event to output is timed. */
const TIMED = 20;
/** A server looks for new events this often. */
const TICK_MS = 1_000;

/** Time from an event to its committed output while a stream looks once a second, as `headrace serve` does. */
export async function streamLatency({ directory, live }: Site): Promise<ReturnType<typeof latencyOf>> {
  const clock = replayClock(live[0].scheduled);
  const headrace = await openSite({ directory, clock });
  const times: number[] = [];
  try {
    await headrace.tick();
    let next = performance.now() + TICK_MS;
    for (const [i, flight] of live.slice(0, TIMED).entries()) {
      // Events come at any time between two looks.
      await sleepUntil(next - TICK_MS * (((i * 7) % 20) / 20));
      clock.set(flight.scheduled);
      const came = performance.now();
      await takeScheduled(headrace, [flight]);
      await sleepUntil(next);
      await headrace.tick();
      times.push(performance.now() - came);
      next = Math.max(next, performance.now()) + TICK_MS;
    }
  } finally {
    await headrace.close();
  }
  return latencyOf(times);
}

async function sleepUntil(at: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, at - performance.now())));
}
