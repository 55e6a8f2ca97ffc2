/**
 * Hot path. A JSON scanner over bytes whose caller expects each value: it never builds a value that is not needed. It
 * tolerates the known damage of recorded traces: bare NaN, Infinity and N/A, quotes that were not escaped, control
 * characters, bytes that are not UTF-8.
 *
 *   value  = object | array | string | bare
 *   bare   = any bytes except , } ] and white space
 *   string = '"' … '"', where the last quote is followed by , : } ] or white space
 */
export const INCOMPLETE = -1;
export const DAMAGED = -2;

/** Values nested deeper than this are damage. */
const DEEPEST = 512;

/** The index of the first byte from `at` that is no white space, or `end`. */
export function skipSpace(bytes: Uint8Array, at: number, end: number): number {
  let here = at;
  while (here < end) {
    const byte = bytes[here];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return here;
    here += 1;
  }
  return end;
}

/** `at` is after the opening quote; the index of the closing one, or INCOMPLETE. */
export function endOfString(bytes: Uint8Array, at: number, end: number): number {
  let here = at;
  while (here < end) {
    const byte = bytes[here];
    if (byte === 0x22) {
      if (here + 1 >= end) return INCOMPLETE;
      if (endsString(bytes[here + 1])) return here;
      here += 1;
    } else here += byte === 0x5c ? 2 : 1;
  }
  return INCOMPLETE;
}

function endsString(next: number): boolean {
  return next === 0x2c || next === 0x3a || next === 0x7d || next === 0x5d || next <= 0x20;
}

/** The index after the value that begins at `at` (no white space), INCOMPLETE or DAMAGED. */
export function skipValue(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) return INCOMPLETE;
  const first = bytes[at];
  if (first === 0x22) {
    const close = endOfString(bytes, at + 1, end);
    return close === INCOMPLETE ? INCOMPLETE : close + 1;
  }
  if (first === 0x7b || first === 0x5b) return skipNested(bytes, at, end);
  return skipBare(bytes, at, end);
}

/** `skipValue` of an object or a list: no byte below `[` matters but the quote. */
export function skipNested(bytes: Uint8Array, at: number, end: number): number {
  let depth = 0;
  let here = at;
  while (here < end) {
    const byte = bytes[here];
    if (byte === 0x22) {
      const close = endOfString(bytes, here + 1, end);
      if (close === INCOMPLETE) return INCOMPLETE;
      here = close;
    } else if (byte >= 0x5b) {
      if (byte === 0x7b || byte === 0x5b) {
        depth += 1;
        if (depth > DEEPEST) return DAMAGED;
      } else if (byte === 0x7d || byte === 0x5d) {
        depth -= 1;
        if (depth === 0) return here + 1;
      }
    }
    here += 1;
  }
  return INCOMPLETE;
}

function skipBare(bytes: Uint8Array, at: number, end: number): number {
  let here = at;
  while (here < end) {
    const byte = bytes[here];
    if (endsBare(byte)) return here === at ? DAMAGED : here;
    if (byte === 0x22 || byte === 0x7b || byte === 0x5b) return DAMAGED;
    here += 1;
  }
  return INCOMPLETE;
}

const powers = Array.from({ length: 23 }, (_, power) => 10 ** power);

/**
 * The number in the bytes from `start` to `end`, quotes allowed; NaN where there is none. Exact for whole numbers below
 * 2^53; a fraction is rounded once when read and once when added.
 */
export function numberIn(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  let stop = end;
  if (bytes[at] === 0x22) {
    at += 1;
    stop -= 1;
  }
  const negative = bytes[at] === 0x2d;
  if (negative) at += 1;
  let whole = 0;
  const first = at;
  while (at < stop) {
    const digit = bytes[at] - 0x30;
    if (digit < 0 || digit > 9) break;
    whole = whole * 10 + digit;
    at += 1;
  }
  if (at === stop && at > first) return negative ? -whole : whole;
  if (at === first) return Number.NaN;
  if (bytes[at] !== 0x2e || at - first > 16) return slowNumber(bytes, start, end);
  at += 1;
  let fraction = 0;
  const point = at;
  while (at < stop && at - point < 15) {
    const digit = bytes[at] - 0x30;
    if (digit < 0 || digit > 9) break;
    fraction = fraction * 10 + digit;
    at += 1;
  }
  if (at !== stop) return slowNumber(bytes, start, end);
  const value = whole + fraction / powers[at - point];
  return negative ? -value : value;
}

function slowNumber(bytes: Uint8Array, start: number, end: number): number {
  const text = new TextDecoder().decode(bytes.subarray(start, Math.min(end, start + 64))).replaceAll('"', '');
  return /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN;
}

/** Reads numbers where they stand: `read` is `skipValue` and `numberIn` in one pass. */
export class NumberReader {
  /** The number that was read last; NaN if it was none. */
  value = Number.NaN;

  /** The index after the value at `at`, INCOMPLETE or DAMAGED. */
  read(bytes: Uint8Array, at: number, end: number): number {
    const middle = Math.min(end, at + 9);
    let high = 0;
    let here = at;
    let digit = 0;
    for (; here < middle; here += 1) {
      digit = bytes[here] - 0x30;
      if (digit < 0 || digit > 9) break;
      high = high * 10 + digit;
    }
    if (here === at) return this.#slow(bytes, at, end);
    let whole = high;
    if (here === at + 9) {
      const last = Math.min(end, here + 7);
      let low = 0;
      for (; here < last; here += 1) {
        digit = bytes[here] - 0x30;
        if (digit < 0 || digit > 9) break;
        low = low * 10 + digit;
      }
      whole = high * powers[here - at - 9] + low;
    }
    if (here >= end) return this.#slow(bytes, at, end);
    if (bytes[here] === 0x2e) {
      const point = here + 1;
      const last = Math.min(end, point + 9);
      let fraction = 0;
      for (here = point; here < last; here += 1) {
        digit = bytes[here] - 0x30;
        if (digit < 0 || digit > 9) break;
        fraction = fraction * 10 + digit;
      }
      whole += fraction / powers[here - point];
    }
    if (here >= end || !endsBare(bytes[here]) || whole > Number.MAX_SAFE_INTEGER) return this.#slow(bytes, at, end);
    this.value = whole;
    return here;
  }

  /** A sign, quotes, an exponent, more digits than are exact, or no number. */
  #slow(bytes: Uint8Array, at: number, end: number): number {
    const after = skipValue(bytes, at, end);
    this.value = after < 0 ? Number.NaN : numberIn(bytes, at, after);
    return after;
  }
}

function endsBare(byte: number): boolean {
  return byte === 0x2c || byte === 0x7d || byte === 0x5d || byte <= 0x20;
}
