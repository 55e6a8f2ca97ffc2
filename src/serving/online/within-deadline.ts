import { fail } from '../../base/errors/fail.ts';

/** A call of a model, and its caller. */
export interface Waited {
  readonly model: string;
  /** Until when it waits (`performance.now()`). */
  readonly deadline: number;
  /** Aborted when it leaves; undefined: it stays. */
  readonly signal: AbortSignal | undefined;
}

/**
 * The result of `work`, or MODEL_DEADLINE as soon as the caller has waited long enough, or MODEL_LEFT as soon as it leaves. The work
 * continues and its outcome is dropped. One that has left before gets the outcome of `work`, which refuses it.
 */
export function withinDeadline<T>(work: Promise<T>, waited: Waited): Promise<T> {
  const { deadline, signal } = waited;
  if (signal?.aborted === true || (signal === undefined && !Number.isFinite(deadline))) return work;
  return new Promise((resolve, reject) => {
    const stop = watchCaller(waited, reject);
    work.finally(stop).then(resolve, reject);
  });
}

/** Reports that a caller, which is there now, waits no longer, by MODEL_DEADLINE or MODEL_LEFT, unless the returned function is called before. */
export function watchCaller({ model, deadline, signal }: Waited, left: (error: Error) => void): () => void {
  const late = () => left(fail('MODEL_DEADLINE', { model }));
  const gone = () => left(fail('MODEL_LEFT', { model }));
  const timer = Number.isFinite(deadline)
    ? setTimeout(late, Math.min(LONGEST_TIMER_MS, Math.max(0, deadline - performance.now())))
    : null;
  signal?.addEventListener('abort', gone, { once: true });
  return () => {
    if (timer !== null) clearTimeout(timer);
    signal?.removeEventListener('abort', gone);
  };
}

/** A longer timer fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
