/** Work of which one run is under way at a time: who asks while it runs gets the run after it, together with all others who ask. */
export function coalesced(work: () => Promise<void>): {
  readonly run: () => Promise<void>;
  readonly busy: () => boolean;
} {
  let running: Promise<void> | null = null;
  let next: Promise<void> | null = null;
  const start = (): Promise<void> => {
    running = work().finally(() => {
      running = null;
    });
    return running;
  };
  const run = (): Promise<void> => {
    if (running === null) return start();
    next ??= running.then(again, again);
    return next;
  };
  const again = (): Promise<void> => {
    next = null;
    return run();
  };
  return { run, busy: () => running !== null };
}
