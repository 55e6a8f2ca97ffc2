import { fail } from '../../base/errors/fail.ts';
import { formatDuration } from '../../base/time.ts';
import type { ReplayRows } from './replay-rows.ts';

/** Parts of a window: rows of one part are predicted together, and a rollout is judged after each. */
export const PARTS = 6;

const LEAST_WINDOW_MS = 60_000;

/** The window that is asked for, no shorter than the usual time between two rows, else a chosen one. Error: DRIFT_OPTION. */
export function replayWindow(rows: ReplayRows, windowMs: number | null): number {
  if (windowMs === null) return chosenWindow(rows);
  const { at, count } = rows;
  const apart = at
    .subarray(1)
    .map((time, i) => time - at[i])
    .sort();
  const least = Math.max(LEAST_WINDOW_MS, apart[count >> 1] ?? 0);
  if (windowMs >= least) return windowMs;
  const reason = `${Math.ceil(least / 1000)}s is the shortest for these rows`;
  throw fail('DRIFT_OPTION', { option: 'window', value: formatDuration(windowMs), reason });
}

const HOUR_MS = 3_600_000;
const WINDOWS = [1, 6, 24, 7 * 24, 30 * 24];
const WANTED = 500;

/** The shortest window of which half have enough rows. */
function chosenWindow({ at, count }: ReplayRows): number {
  for (const hours of WINDOWS) {
    const counts = new Map<number, number>();
    for (const time of at) {
      const window = Math.floor(time / (hours * HOUR_MS));
      counts.set(window, (counts.get(window) ?? 0) + 1);
    }
    const sizes = [...counts.values()].sort((a, b) => a - b);
    if (sizes[sizes.length >> 1] >= Math.min(WANTED, count / 10)) return hours * HOUR_MS;
  }
  return (WINDOWS.at(-1) ?? 1) * HOUR_MS;
}

/** In whole hours; a part of a window at least, because rows of a part are predicted at its end. */
export function greatestDelay({ at, labelledAt }: ReplayRows, windowMs: number): number {
  let greatest = windowMs / PARTS;
  for (let i = 0; i < at.length; i += 1) if (labelledAt[i] - at[i] > greatest) greatest = labelledAt[i] - at[i];
  return Math.ceil(greatest / HOUR_MS) * HOUR_MS;
}
