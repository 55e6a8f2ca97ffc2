import { spareTurn } from './spare-turn.ts';

/** How long steps run before others have a turn, ms. */
const SLICE_MS = 1;

/** Steps between two looks at the clock. */
const UNWATCHED = 16;

/** Takes steps to their end; between slices of them the event loop is free, so that who is served meanwhile waits little. */
export async function inSlices(steps: Iterable<unknown>): Promise<void> {
  let until = performance.now() + SLICE_MS;
  let taken = 0;
  for (const _ of steps) {
    taken += 1;
    if (taken % UNWATCHED !== 0 || performance.now() < until) continue;
    await spareTurn();
    until = performance.now() + SLICE_MS;
  }
}
