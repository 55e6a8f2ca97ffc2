import { fail } from '../../base/errors/fail.ts';
import { type WaitingCaller, watchCaller } from '../../versions/queue/watch-caller.ts';

/** A call of a model, and its caller. */
export interface Waited extends WaitingCaller {
  readonly model: string;
}

/**
 * The result of `work`, or MODEL_DEADLINE as soon as the caller has waited long enough, or MODEL_LEFT as soon as it leaves. The work
 * continues and its outcome is dropped. One that has left before gets the outcome of `work`, which refuses it.
 */
export function withinDeadline<T>(work: Promise<T>, waited: Waited): Promise<T> {
  const { model, deadline, signal } = waited;
  if (signal?.aborted === true || (signal === undefined && !Number.isFinite(deadline))) return work;
  return new Promise((resolve, reject) => {
    const stop = watchCaller(waited, {
      late: () => reject(fail('MODEL_DEADLINE', { model })),
      left: () => reject(fail('MODEL_LEFT', { model })),
    });
    work.finally(stop).then(resolve, reject);
  });
}
