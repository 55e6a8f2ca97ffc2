/** The waiting callers, in order of arrival. */
const waiting: (() => void)[] = [];

/**
 * Waits for a turn of the event loop without other background work. Background work runs in slices of a millisecond. If
 * each kind of work ran a slice in the same turn, a request would wait for all of them.
 */
export function spareTurn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (waiting.length === 1) setImmediate(next);
  });
}

/** Its slice runs before other work. */
function next(): void {
  waiting.shift()?.();
  if (waiting.length > 0) setImmediate(next);
}
