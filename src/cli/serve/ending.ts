import { settlesWithin } from '../../base/closing.ts';
import { fail } from '../../base/errors/fail.ts';
import type { Call } from '../command.ts';
import { option } from '../options/option.ts';
import { whole } from '../options/option-kinds.ts';

/** The option of a process that serves. */
export const endingOptions = {
  'close-within': option(whole(1, 3_600), 'seconds within which a server that is asked to stop ends', 40),
};

/** Requests under way have this share of the time, and at most this many ms; the stores have the rest. */
const ANSWERS_SHARE = 0.6;
const MOST_ANSWERS_MS = 30_000;

/** Time to wait for an opening that is under way when the process is asked to stop, ms. */
const OPENING_MS = 5_000;

/** Connections that are left when all is closed keep the process alive no longer than this, ms. */
const LEFT_OPEN_MS = 1_000;

/** When a process that serves ends, and how long that may take. */
export interface Ending {
  /** Resolves when the process is asked to stop. A process that has not read it is ended at once by its signal. */
  readonly stopped: Promise<void>;
  /** The same for a process that another one asks to stop; null where a signal ends the process at once while it opens. */
  readonly whileOpening: Promise<void> | null;
  /** The whole time that it has, ms. */
  readonly withinMs: number;
  /** The part of it for requests that are being answered, ms. */
  readonly answersMs: number;
  /** The rest of it, ms; all of it before the process was asked to stop. */
  restMs(): number;
}

/** `asked` resolves when another process asks this one to stop; without it signals do. */
export function endingOf(call: Call<typeof endingOptions>, asked: Promise<void> | null = null): Ending {
  const withinMs = call.options['close-within'] * 1_000;
  let deadline: number | null = null;
  let stopped: Promise<void> | null = null;
  return {
    get stopped() {
      stopped ??= (asked ?? call.terminal.stopped).then(() => {
        deadline = performance.now() + withinMs;
      });
      return stopped;
    },
    whileOpening: asked,
    withinMs,
    answersMs: Math.min(withinMs * ANSWERS_SHARE, MOST_ANSWERS_MS),
    restMs: () => (deadline === null ? withinMs : Math.max(0, deadline - performance.now())),
  };
}

/**
 * The result of an opening; null where another process asked this one to stop first. A result that comes within five seconds is closed
 * then. A slower one ends with the process and loses nothing: `report` receives CLOSE_OPENING. Errors: those of the opening.
 */
export async function unlessStopped<T>(
  opening: Promise<T>,
  { whileOpening }: Ending,
  { close, report }: { close(opened: T): Promise<void>; report(error: unknown): void },
): Promise<T | null> {
  if (whileOpening === null) return opening;
  const opened = await Promise.race([opening, whileOpening.then(() => null)]);
  if (opened !== null) return opened;
  if (!(await settlesWithin(opening.then(close), OPENING_MS)))
    report(fail('CLOSE_OPENING', { seconds: OPENING_MS / 1_000 }));
  return null;
}

/** Ends this process soon, whatever connection or timer of a library is left open. */
export function endSoon(): void {
  setTimeout(() => process.exit(), LEFT_OPEN_MS).unref();
}
