import { expect } from 'vitest';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import type { Clicks, Told } from './clicks.ts';
import { until } from './until.ts';

/** Holds every answer of a reader: right, or degraded, or an error; until all are right again. */
export async function recovers(
  site: Clicks,
  read: (user: string) => Promise<Told>,
): Promise<{ degraded: number; failed: number }> {
  const seen = { degraded: 0, failed: 0 };
  await until(async () => {
    let wrong = 0;
    for (const user of site.users) {
      try {
        const told = await read(user);
        if (told.degraded) seen.degraded += 1;
        if (told.n === site.expected(user).n && told.ms === site.expected(user).ms && !told.degraded) continue;
        // Never silently a smaller sum.
        expect(told.degraded).toBe(true);
        wrong += 1;
      } catch (error) {
        if (!isHeadraceError(error)) throw error;
        seen.failed += 1;
        wrong += 1;
      }
    }
    return wrong === 0 || `${wrong} answers are not right`;
  });
  return seen;
}

/** Waits until what was ingested is in the store: a reader of it sees every user's sums. */
export async function written(site: Clicks, read: (user: string) => Promise<Told>): Promise<void> {
  await until(async () => {
    for (const user of site.users) if ((await read(user)).n !== site.expected(user).n) return `${user} is not written`;
    return true;
  });
}
