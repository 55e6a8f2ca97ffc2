import { fail } from './errors/fail.ts';

/** Waits for a turn; resolves to the function that returns it. Error: JOB_CANCELLED, if the signal is aborted before. */
export type TakeTurn = (job: string, signal: AbortSignal | undefined) => Promise<() => void>;

/** A limited number of turns at a time; others wait in the order in which they asked. */
export function turns(most: number): TakeTurn {
  let free = most;
  let waiting: readonly (() => void)[] = [];
  const giveBack = () => {
    const [next, ...others] = waiting;
    waiting = others;
    if (next === undefined) free += 1;
    else next();
  };
  return async (job, signal) => {
    if (signal?.aborted === true) throw fail('JOB_CANCELLED', { job });
    if (free > 0) {
      free -= 1;
      return giveBack;
    }
    await new Promise<void>((begin, refuse) => {
      const begins = () => {
        signal?.removeEventListener('abort', aborted);
        begin();
      };
      const aborted = () => {
        waiting = waiting.filter((one) => one !== begins);
        refuse(fail('JOB_CANCELLED', { job }));
      };
      waiting = [...waiting, begins];
      signal?.addEventListener('abort', aborted, { once: true });
    });
    return giveBack;
  };
}
