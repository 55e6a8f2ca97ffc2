import { isHeadraceError } from './errors/fail.ts';
import { errorOf } from './reason-of.ts';

/** A fault that lasts, reported once while it stays the same. */
export interface Trouble {
  /** null: it works. */
  readonly now: Error | null;
  /** Notes what went wrong. */
  met(error: unknown): void;
  /** Notes that it works. */
  over(): void;
}

/** Nothing is wrong yet; `tell` receives each new trouble. */
export function noTrouble(tell: (error: unknown) => void): Trouble {
  let now: Error | null = null;
  return {
    get now() {
      return now;
    },
    met(error) {
      const before = now;
      now = errorOf(error);
      if (before === null || nameOf(before) !== nameOf(now)) tell(error);
    },
    over() {
      now = null;
    },
  };
}

function nameOf(error: Error): string {
  return isHeadraceError(error) ? error.code : error.message;
}
