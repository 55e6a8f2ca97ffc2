import { type HeadraceError, isHeadraceError } from '../../base/errors/fail.ts';
import type { MaybePromise } from '../../base/maybe-promise.ts';

/** Remembers whether the log took the newest append of this process. */
export class AppendOutcome {
  /** The error of the newest append; null: it succeeded. */
  untaken: HeadraceError | null = null;

  /** Runs work that appends to the log; `appended` returns the number of its records. */
  async noted<T>(work: () => MaybePromise<T>, appended: (result: T) => number): Promise<T> {
    try {
      const result = await work();
      if (appended(result) > 0) this.untaken = null;
      return result;
    } catch (error) {
      if (isHeadraceError(error) && isOfLog(error)) this.untaken = error;
      throw error;
    }
  }
}

/** Whether the log could not take an append, whatever its records are. */
function isOfLog({ code, status }: HeadraceError): boolean {
  return code.startsWith('LOG_') && status === 503;
}
