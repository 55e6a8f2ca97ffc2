import { parseDecimal } from './decimal.ts';

/**
 * JSON with exact numbers. `JSON.parse` alone turns 595125622443733822 into 595125622443733800; here a
 * number that a double does not hold comes out as a bigint (an integer) or as an {@link ExactNumber} (60 digits at most;
 * beyond that it is a double).
 */

/** The text of a number that neither a double nor a bigint holds. */
export class ExactNumber {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

interface SourceAwareJson {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context?: { readonly source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): object;
}

// Both are in ECMAScript's JSON.parse source text access (Node 22 has them); the library types do not have them yet.
const json = JSON as unknown as SourceAwareJson;

/** Digits and points that a double holds, whatever they are. */
const SAFE_LENGTH = 15;
const [POINT, ZERO, NINE, UPPER_E, LOWER_E] = [...'.09Ee'].map((char) => char.charCodeAt(0));

/** Parses JSON text, keeping numbers exact. Throws SyntaxError as `JSON.parse` does. */
export function parseJsonExact(text: string): unknown {
  return mayBeInexact(text) ? json.parse(text, exactNumber) : JSON.parse(text);
}

/** Whether a number (or what looks like one within a text) is longer than 15 or has an exponent: only such can lose something. Hot path. */
function mayBeInexact(text: string): boolean {
  let digits = 0;
  for (let i = 0; i < text.length; i += 1) {
    const char = text.charCodeAt(i);
    if (char >= ZERO && char <= NINE) digits += 1;
    else if (digits === 0) continue;
    else if (char === POINT) digits += 1;
    else if (char === UPPER_E || char === LOWER_E) return true;
    else digits = 0;
    if (digits > SAFE_LENGTH) return true;
  }
  return false;
}

/** An integer that JSON.stringify writes digit by digit. */
export function rawInteger(value: bigint): object {
  return rawNumber(String(value));
}

/** A number that JSON.stringify writes as this text. Throws SyntaxError for a text that is no JSON number or literal. */
export function rawNumber(text: string): object {
  return json.rawJSON(text);
}

/** JSON text of a value that {@link parseJsonExact} gave: numbers have all their digits. */
export function stringifyExact(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) => {
    if (typeof one === 'bigint') return rawInteger(one);
    return one instanceof ExactNumber ? rawNumber(one.text) : one;
  });
}

function exactNumber(_: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || context?.source === undefined) return value;
  const parts = parseDecimal(context.source);
  if (parts === null) return value;
  if (parts.scale === 0) return Number.isSafeInteger(value) ? value : parts.digits;
  const held = parseDecimal(String(value));
  const same = held !== null && held.digits === parts.digits && held.scale === parts.scale;
  return same ? value : new ExactNumber(context.source);
}
