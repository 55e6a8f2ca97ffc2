import { setTimeout as sleep } from 'node:timers/promises';
import { fail } from '../../base/errors/fail.ts';

const POLL_MS = 250;

/** It tells how far it is this often, in polls. */
const TELL_EVERY = 20;

/**
 * Waits until nothing is `behind`, and reports the number of deliveries behind. Error: MIGRATE_BEHIND, if the number has not
 * decreased for this many ms.
 */
export async function untilNoneBehind(
  behind: () => Promise<number>,
  withinMs: number,
  tell: (behind: number) => void,
): Promise<void> {
  let least = Number.POSITIVE_INFINITY;
  let fewerAt = performance.now();
  for (let polls = 0; ; polls += 1) {
    const now = await behind();
    if (now === 0) return;
    if (now < least) {
      least = now;
      fewerAt = performance.now();
    } else if (performance.now() - fewerAt >= withinMs) {
      throw fail('MIGRATE_BEHIND', { behind: now, seconds: withinMs / 1_000 });
    }
    if (polls % TELL_EVERY === 0) tell(now);
    await sleep(POLL_MS);
  }
}
