import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** V8 doubles its space for new objects up to 128 MiB; a bound that is as large bounds nothing. */
const MOST_OF_V8 = 2 ** 27;

/** Factors by which V8 lets the space grow after a collection: its own, and not at all. */
const [GROWS, STAYS] = [2, 1];

/** The bounds of this process by their owners: the flag is one for all of them, so the least counts. */
const bounds = new Map<object, number>();

let factor = GROWS;
let observer: PerformanceObserver | null = null;

/** Bytes of the space for new objects of this thread. */
export function youngBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0;
}

/**
 * Bounds the space for new objects: it does not double beyond the bytes. V8 decides otherwise by what survives a collection, so a program
 * that keeps many of its new objects has all of it, whatever its live bytes. V8 takes the option for its size only at the start of a process.
 * A space that is larger already stays until V8 shrinks it; a turn of the event loop with several collections may double it once more.
 */
export function boundYoung(owner: object, bytes: number): void {
  if (bytes >= MOST_OF_V8) return;
  bounds.set(owner, bytes);
  observer ??= observed();
  look();
}

/** Ends a bound. */
export function unboundYoung(owner: object): void {
  bounds.delete(owner);
  if (bounds.size > 0) return look();
  observer?.disconnect();
  observer = null;
  turn(GROWS);
}

function observed(): PerformanceObserver {
  const made = new PerformanceObserver(look);
  made.observe({ entryTypes: ['gc'] });
  return made;
}

function look(): void {
  turn(2 * youngBytes() > Math.min(...bounds.values()) ? STAYS : GROWS);
}

function turn(to: number): void {
  if (to === factor) return;
  factor = to;
  setFlagsFromString(`--semi-space-growth-factor=${to}`);
}
