import { fail } from '../../base/errors/fail.ts';

/** A call of a model, and until when its caller waits (`performance.now()`). */
export interface Waited {
  readonly model: string;
  readonly deadline: number;
}

/** The result of `work`, or MODEL_DEADLINE as soon as the caller has waited long enough. The work continues and its outcome is dropped. */
export function withinDeadline<T>(work: Promise<T>, { model, deadline }: Waited): Promise<T> {
  if (!Number.isFinite(deadline)) return work;
  return new Promise((resolve, reject) => {
    const late = () => reject(fail('MODEL_DEADLINE', { model }));
    const timer = setTimeout(late, Math.min(LONGEST_TIMER_MS, Math.max(0, deadline - performance.now())));
    work.finally(() => clearTimeout(timer)).then(resolve, reject);
  });
}

/** A longer timer fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
