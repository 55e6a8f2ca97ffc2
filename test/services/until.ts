import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until something holds, which on a slow machine takes its time; fails with what it last said. */
export async function until(holds: () => Promise<boolean | string>, ms = 300_000): Promise<void> {
  let last: unknown = 'nothing';
  for (const end = Date.now() + ms; Date.now() < end; await sleep(50)) {
    try {
      last = await holds();
      if (last === true) return;
    } catch (error) {
      last = error;
    }
  }
  throw new Error(`it did not come to hold: ${String(last)}`, { cause: last });
}
