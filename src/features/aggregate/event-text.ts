import { fail } from '../../base/errors/fail.ts';

/** An event in the partial of first and last: its time, its id, and its value as text. */
export interface StampedText {
  readonly ts: number;
  readonly id: string;
  readonly text: string;
}

/** Added to event times so that their digits order negative ones as well. */
const TIME_OFFSET = 100_000_000_000_000;
const TIME_WIDTH = 15;
const ID_WIDTH = 36;

/** Epoch milliseconds reach this far on both sides of 1970 (ECMAScript's time value). */
const LAST_TIME = 8.64e15;

/**
 * The order (ts, id) as plain text, equal on every SQL engine:
 * `LPAD(ts + 10^14, 15, '0') || RPAD(id, 36, ' ')`, ids being ASCII of at most 36. It holds for times from −10^14
 * (year −1199) up to 9·10^14 (year 30,489).
 */
export function stampText(ts: number, id: string): string {
  return String(ts + TIME_OFFSET).padStart(TIME_WIDTH, '0') + id.padEnd(ID_WIDTH, ' ');
}

/** Reads a stamp, followed by any text. Error: AGGREGATE_TEXT. */
export function parseStamp(text: string): StampedText {
  const ts = Number(text.slice(0, TIME_WIDTH)) - TIME_OFFSET;
  if (text.length < TIME_WIDTH + ID_WIDTH || !Number.isSafeInteger(ts)) throw fail('AGGREGATE_TEXT', { text });
  return { ts, id: text.slice(TIME_WIDTH, TIME_WIDTH + ID_WIDTH).trimEnd(), text: text.slice(TIME_WIDTH + ID_WIDTH) };
}

/** Whether a number can be an event's time. */
export function isEventTime(ts: number): boolean {
  return Number.isInteger(ts) && ts >= -LAST_TIME && ts <= LAST_TIME;
}
