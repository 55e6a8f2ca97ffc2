import type { EventSourceData } from '../../features/define/declaration.ts';

const DAY_MS = 86_400_000;

/** Instants before September 2001, and those more than ten years ahead, are no likely reading of a number. */
const EARLIEST_MS = 1e12;
const AHEAD_MS = 3_660 * DAY_MS;

/** Other units of epoch time, and the milliseconds that one is. */
const UNITS = { seconds: 1_000, microseconds: 1e-3, nanoseconds: 1e-6 } as const;

/**
 * The unit that an event time must be in: it would be late or in the future as milliseconds, and is an instant of our
 * time in another unit. Null where it counts as milliseconds, in whatever other unit it could be: a source that
 * declares a lateness of decades takes events of January 1970.
 */
export function wrongUnit(
  { latenessMs, futureSkewMs }: Pick<EventSourceData, 'latenessMs' | 'futureSkewMs'>,
  ts: number,
  now: number,
): keyof typeof UNITS | null {
  const likely = (ms: number) => ms >= EARLIEST_MS && ms <= now + AHEAD_MS;
  if (likely(ts)) return null;
  if (now - ts > latenessMs && likely(ts * UNITS.seconds)) return 'seconds';
  if (ts - now <= futureSkewMs) return null;
  if (likely(ts * UNITS.microseconds)) return 'microseconds';
  return likely(ts * UNITS.nanoseconds) ? 'nanoseconds' : null;
}
