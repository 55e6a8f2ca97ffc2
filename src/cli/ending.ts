import { settlesWithin } from '../base/closing.ts';
import { fail } from '../base/errors/fail.ts';
import type { Call } from './command.ts';
import { wholeOption } from './parse-option.ts';

/** A process that serves ends within so many seconds after it was asked to, unless it is told otherwise. */
const CLOSE_WITHIN_S = 40;

/** Requests that are under way have this share of it, and no more than so many ms; the stores have the rest. */
const ANSWERS_SHARE = 0.6;
const MOST_ANSWERS_MS = 30_000;

/** An opening that is under way when the process is asked to stop is waited for so long, ms. */
const OPENING_MS = 5_000;

/** Connections that are left when all is closed keep the process alive no longer than this, ms. */
const LEFT_OPEN_MS = 1_000;

/** When a process that serves ends, and how long that may take. */
export interface Ending {
  readonly stopped: Promise<void>;
  /** The whole time that it has, ms. */
  readonly withinMs: number;
  /** Of which requests that are under way have this, ms. */
  readonly answersMs: number;
  /** What is left of it, ms; all of it before the process was asked to stop. */
  restMs(): number;
}

export function endingOf(call: Call, stopped: Promise<void> = call.terminal.stopped): Ending {
  const withinMs = wholeOption('close-within', call.options['close-within'], CLOSE_WITHIN_S, 1, 3_600) * 1_000;
  let deadline: number | null = null;
  void stopped.then(() => {
    deadline = performance.now() + withinMs;
  });
  return {
    stopped,
    withinMs,
    answersMs: Math.min(withinMs * ANSWERS_SHARE, MOST_ANSWERS_MS),
    restMs: () => (deadline === null ? withinMs : Math.max(0, deadline - performance.now())),
  };
}

/**
 * What was opened; null where the process was asked to stop first: what opens by then is closed again. Errors: those of the opening,
 * CLOSE_OPENING.
 */
export async function unlessStopped<T>(
  opening: Promise<T>,
  { stopped }: Ending,
  close: (opened: T) => Promise<void>,
): Promise<T | null> {
  const opened = await Promise.race([opening, stopped.then(() => null)]);
  if (opened !== null) return opened;
  if (!(await settlesWithin(opening.then(close), OPENING_MS)))
    throw fail('CLOSE_OPENING', { seconds: OPENING_MS / 1_000 });
  return null;
}

/** Ends this process soon, whatever connection or timer of a library is left open. */
export function endSoon(): void {
  setTimeout(() => process.exit(), LEFT_OPEN_MS).unref();
}
