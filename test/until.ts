import { setTimeout as sleep } from 'node:timers/promises';

/** Pause between two looks, ms: so short that waiting costs little, and long enough that others get the processor. */
const LOOK_EVERY_MS = 2;

/** Ends what hangs, and is below the time that a test has; no test passes or fails by it otherwise. */
const LONGEST_MS = 100_000;

/** Looks that must agree before a value counts as still. */
const STILL_LOOKS = 100;

/** Waits until a condition holds; one that throws does not hold yet. Fails with what it last said. */
export async function until(
  holds: () => boolean | string | Promise<boolean | string>,
  { longestMs = LONGEST_MS, everyMs = LOOK_EVERY_MS }: { readonly longestMs?: number; readonly everyMs?: number } = {},
): Promise<void> {
  let last: unknown = false;
  for (const end = performance.now() + longestMs; performance.now() < end; await sleep(everyMs)) {
    try {
      last = await holds();
      if (last === true) return;
    } catch (error) {
      last = error;
    }
  }
  throw new Error(`it did not come to hold: ${holds}: ${String(last)}`, { cause: last });
}

/**
 * Waits until a value has not changed for a hundred looks in a row. A slow machine may end the wait too soon: use it only
 * where that cannot fail a test that is right.
 */
export async function untilStill(value: () => number): Promise<void> {
  let last = value();
  let looks = 0;
  await until(() => {
    const now = value();
    looks = now === last ? looks + 1 : 0;
    last = now;
    return looks >= STILL_LOOKS;
  });
}

/** Lets the event loop go round this many times. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** A deadline that has passed when anything else has run. */
export function nextMillisecond(): number {
  return performance.now() + 1;
}
