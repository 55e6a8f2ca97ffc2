/** Who waits, first come first. */
const waiting: (() => void)[] = [];

/**
 * Waits for a turn of the event loop that nothing else of this kind has. What goes on behind the calls is done in slices of a
 * millisecond; were one of each kind of work done in a turn, who is served would wait for all of them.
 */
export function spareTurn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (waiting.length === 1) setImmediate(next);
  });
}

/** Its slice runs before anything else does. */
function next(): void {
  waiting.shift()?.();
  if (waiting.length > 0) setImmediate(next);
}
