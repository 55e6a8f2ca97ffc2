import type { TurnTime } from './turn-time.ts';

/** So long some of each turn's requests must have waited too long before the first is turned away, ms: a pause makes some wait, no more. */
const PERSISTS_MS = 100;

/** So long after the last that was turned away nobody waits too long, ms: what `retry-after` asks of clients. */
const CALM_AFTER_MS = 1_000;

/**
 * Which requests of a service are answered where more come than can be. Answered in turn, all would wait for all before them, and
 * none be in time; so of what has come by the beginning of a turn of the event loop only so much is answered as is done within what
 * is allowed, and the rest is turned away, which makes the turn, and what those wait that come meanwhile, as short.
 * That begins only when it has gone on for a while, and ends when it has stopped for a while: a burst, or what waits behind a
 * pause, is worked off. Half of the time goes to answers in any case, also where to turn away takes all of it.
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
