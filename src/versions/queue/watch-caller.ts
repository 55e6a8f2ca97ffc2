/** A caller that waits. */
export interface WaitingCaller {
  /** Until when it waits (`performance.now()`). */
  readonly deadline: number;
  /** Aborted when it leaves; undefined: it stays. */
  readonly signal: AbortSignal | undefined;
}

/** A longer timer fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Reports that a caller, which is there now, waits no longer, unless the returned function is called before. */
export function watchCaller(
  { deadline, signal }: WaitingCaller,
  { late, left }: { readonly late: () => void; readonly left: () => void },
): () => void {
  const timer = Number.isFinite(deadline)
    ? setTimeout(late, Math.min(LONGEST_TIMER_MS, Math.max(0, deadline - performance.now())))
    : null;
  signal?.addEventListener('abort', left);
  return () => {
    if (timer !== null) clearTimeout(timer);
    signal?.removeEventListener('abort', left);
  };
}
