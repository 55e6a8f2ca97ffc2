import { fail } from '../base/errors/fail.ts';

/** Most values of one body: numbers, texts, members. */
export const MOST_VALUES = 2 ** 22;

/** Most arrays and objects of one body, and most texts of a tensor. */
export const MOST_CONTAINERS = 2 ** 20;

/** Deepest nesting of one body. */
const MOST_DEPTH = 100;

/** A text as short as this is within every bound that matters: it makes few objects, and is shallow enough for every reader. */
const SHORT = 1_024;

const [QUOTE, BACKSLASH, COMMA, OPEN_LIST, CLOSE_LIST, OPEN, CLOSE] = [...'"\\,[]{}'].map((char) => char.charCodeAt(0));

/** Bytes that a value and an array or object take in memory, about. */
const [VALUE_BYTES, CONTAINER_BYTES] = [8, 48];

/** The number of values and containers that a decoded body has. */
export interface DecodedCounts {
  readonly values: number;
  readonly containers: number;
}

/** Memory that a decoded body takes besides its text, bytes, about. */
export function decodedBytes({ values, containers }: DecodedCounts): number {
  return values * VALUE_BYTES + containers * CONTAINER_BYTES;
}

/**
 * Checks the values, arrays, objects and depth of a JSON text before any of them is made. It counts signs outside of texts, also in what is no
 * JSON. Error: SERVER_BODY_BOUNDS.
 */
export function checkJson(text: string, mostValues = MOST_VALUES): void {
  if (text.length > SHORT) new JsonScan(text, mostValues).advance(text.length);
}

/** Counts the values of JSON lines together: each line is checked by itself. Error: SERVER_BODY_BOUNDS, for one that is too deep. */
export function countLines(text: string): DecodedCounts {
  const scan = new JsonScan(text, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  scan.advance(text.length);
  return scan;
}

/** Reads a JSON text piece by piece: counts what it has, and notes where its large arrays and objects end. */
export class JsonScan implements DecodedCounts {
  values = 1;
  containers = 0;
  /** Open arrays and objects; negative where the text closes more than it opens. */
  depth = 0;
  /** The ends of arrays and objects longer than `large`, by their beginnings. */
  readonly ends = new Map<number, number>();
  readonly #text: string;
  readonly #most: number;
  readonly #large: number;
  readonly #mostContainers: number;
  readonly #begins: number[] = [];
  #at = 0;

  constructor(
    text: string,
    mostValues = MOST_VALUES,
    large = Number.POSITIVE_INFINITY,
    mostContainers = MOST_CONTAINERS,
  ) {
    this.#text = text;
    this.#most = mostValues;
    this.#large = large;
    this.#mostContainers = mostContainers;
  }

  /** Reads on to about `end`; false: the text is read. Error: SERVER_BODY_BOUNDS. Hot path. */
  advance(end: number): boolean {
    const text = this.#text;
    let i = this.#at;
    for (; i < end && i < text.length; i += 1) {
      const char = text.charCodeAt(i);
      if (char === QUOTE) i = endOfText(text, i + 1);
      else if (char === COMMA) this.values += 1;
      else if (char === OPEN || char === OPEN_LIST) this.#open(i);
      else if (char === CLOSE || char === CLOSE_LIST) this.#close(i);
      else continue;
      if (this.values > this.#most) throw fail('SERVER_BODY_BOUNDS', { most: this.#most, what: 'values' });
    }
    this.#at = i;
    return i < text.length;
  }

  #open(at: number): void {
    this.containers += 1;
    this.values += 1;
    this.#begins[Math.max(0, this.depth)] = at;
    this.depth += 1;
    if (this.depth > MOST_DEPTH) throw fail('SERVER_BODY_BOUNDS', { most: MOST_DEPTH, what: 'levels of nesting' });
    if (this.containers > this.#mostContainers)
      throw fail('SERVER_BODY_BOUNDS', { most: this.#mostContainers, what: 'arrays and objects' });
  }

  #close(at: number): void {
    this.depth -= 1;
    if (this.depth < 0) return;
    const begin = this.#begins[this.depth];
    if (at - begin > this.#large) this.ends.set(begin, at);
  }
}

/** Where a text ends that begins at `from`: at its quote. */
export function endOfText(text: string, from: number): number {
  let i = from;
  for (; i < text.length; i += 1) {
    const char = text.charCodeAt(i);
    if (char === QUOTE) break;
    if (char === BACKSLASH) i += 1;
  }
  return i;
}
