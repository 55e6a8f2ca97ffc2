import { fail, type HeadraceError } from './errors/fail.ts';
import type { Clock } from './time.ts';

/** The error of a clock that differs from the expected time, CLOCK_AHEAD or CLOCK_BEHIND; null while nothing contradicts it. */
export function clockFault(clock: Clock): HeadraceError | null {
  const aheadMs = Math.round(clock.guard?.report().aheadMs ?? 0);
  if (aheadMs === 0) return null;
  return aheadMs > 0 ? fail('CLOCK_AHEAD', { aheadMs }) : fail('CLOCK_BEHIND', { behindMs: -aheadMs });
}
