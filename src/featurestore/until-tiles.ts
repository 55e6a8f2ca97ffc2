import { setTimeout as sleep } from 'node:timers/promises';
import { fail } from '../base/errors/fail.ts';
import type { EventSourceData } from '../features/define/declaration.ts';
import type { Materialiser } from './materialise/materialiser.ts';

/** Longest time that work waits for processes that make the tiles, ms. */
const WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 50;

/** Waits until processes that make the tiles have all events of a source that are judged by now. Error: TILES_BEHIND. */
export async function untilTiles(materialiser: Materialiser, source: EventSourceData): Promise<void> {
  const to = [...materialiser.judge.stateOf(source).next];
  const since = performance.now();
  for (;;) {
    const events = await materialiser.missing(source, to);
    if (events === 0) return;
    if (performance.now() - since >= WITHIN_MS) throw fail('TILES_BEHIND', { events, source: source.name });
    await sleep(LOOK_EVERY_MS);
  }
}
