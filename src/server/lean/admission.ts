import type { TurnTime } from './turn-time.ts';

/** Time for which some requests of each turn must have waited too long before the first is turned away, ms. A pause makes some wait for less. */
const PERSISTS_MS = 100;

/** Time without a long wait after the last rejection, ms: `retry-after` tells clients the same. */
const CALM_AFTER_MS = 1_000;

/**
 * Chooses the requests of a service that are answered under overload. Answered in turn, each would wait for all before it, and
 * none would be in time. So of the requests at the beginning of a turn of the event loop it answers as many as fit into the allowed
 * time, and turns the rest away, which keeps the turn short for later ones.
 * That begins only after a while of overload, and ends after a while without: a burst, or requests after a
 * pause, are all answered. Half of the time goes to answers in any case, also where to turn away takes all of it.
 * (Controlled delay: Nichols and Jacobson, Controlling Queue Delay, ACM Queue 10(5), 2012, with time limits as in Maurer, Fail at
 * Scale, ACM Queue 13(8), 2015.) Hot path.
 */
export class Admission {
  readonly #allowedMs: number;
  readonly #mostWaitMs: number;
  /** The last turn in which one had waited too long, and since when each had such, the loop never idle. */
  #longTurn = Number.NEGATIVE_INFINITY;
  #longSince = Number.NaN;
  #strictUntil = Number.NEGATIVE_INFINITY;

  /** Waits within a turn up to `allowedMs` are never too long, those beyond `mostWaitMs` always. */
  constructor(allowedMs: number, mostWaitMs: number) {
    this.#allowedMs = allowedMs;
    this.#mostWaitMs = mostWaitMs;
  }

  /** Whether the next request of a turn is answered. */
  admits({ number, now, elapsedMs, beforeMs }: Pick<TurnTime, 'number' | 'now' | 'elapsedMs' | 'beforeMs'>): boolean {
    if (elapsedMs <= this.#allowedMs || elapsedMs <= beforeMs / 2) return elapsedMs <= this.#mostWaitMs;
    const isFirst = number !== this.#longTurn;
    if (isFirst && (beforeMs === 0 || number > this.#longTurn + 1)) this.#longSince = now;
    this.#longTurn = number;
    const persists = now < this.#strictUntil || now - this.#longSince >= PERSISTS_MS;
    if (persists) this.#strictUntil = now + CALM_AFTER_MS;
    return !persists && elapsedMs <= this.#mostWaitMs;
  }
}
