import { parseDecimal } from './decimal.ts';

/**
 * JSON whose numbers stay what was written. `JSON.parse` alone turns 595125622443733822 into 595125622443733800; here a
 * number that a double does not hold comes out as a bigint (an integer) or as an {@link ExactNumber} (60 digits at most;
 * beyond that it is a double).
 */

/** A number as it was written, where neither a double nor a bigint holds it. */
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

// Both stand in ECMAScript's JSON.parse source text access (Node 22 has them); the library types do not have them yet. A
// browser without it gives no context: numbers are doubles there.
const json = JSON as unknown as SourceAwareJson;

/** Sixteen digits or more, or an exponent: only such a number can lose something in a double. */
const MAYBE_INEXACT = /\d[\d.]{15}|\d[eE]/;

/** Parses JSON text, keeping numbers exact. Throws SyntaxError as `JSON.parse` does. */
export function parseJsonExact(text: string): unknown {
  return MAYBE_INEXACT.test(text) ? json.parse(text, exactNumber) : JSON.parse(text);
}

/** An integer that JSON.stringify writes digit by digit. */
export function rawInteger(value: bigint): object {
  return json.rawJSON(String(value));
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
