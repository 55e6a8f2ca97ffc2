import { type DecodedCounts, endOfText, JsonScan, MOST_VALUES } from './json-bounds.ts';

/** Characters that are parsed in one turn of the event loop, about. */
const SLICE = 2 ** 16;

/** Characters that are scanned in one turn. */
const SCANNED = 2 ** 20;

const [QUOTE, COMMA, OPEN_LIST, CLOSE_LIST, OPEN, CLOSE] = [...'",[]{}'].map((char) => char.charCodeAt(0));

/** How a text is read in turns. */
export interface InTurns {
  /** Parses a piece of the text, which is JSON of its own. Throws SyntaxError. */
  readonly parse: (text: string) => unknown;
  /** Ends in a later turn of the event loop. */
  readonly turn: () => Promise<unknown>;
  readonly mostValues?: number | undefined;
  /** Called once with the counts of the text, before any of it is made; may throw. */
  readonly counted?: (counts: DecodedCounts) => void;
  /** Characters of a piece. */
  readonly slice?: number;
}

/**
 * Parses a JSON text as `parse` does, in many turns of the event loop: between two of them others are answered. Arrays and objects longer
 * than a piece are made here from pieces of their members. Throws SyntaxError; error: SERVER_BODY_BOUNDS.
 */
export async function parseInTurns(text: string, options: InTurns): Promise<unknown> {
  const { parse, turn, mostValues = MOST_VALUES, counted, slice = SLICE } = options;
  const scan = new JsonScan(text, mostValues, slice);
  for (let end = SCANNED; scan.advance(end); end += SCANNED) await turn();
  counted?.(scan);
  const begin = skipBlanks(text, 0);
  const end = scan.ends.get(begin);
  if (end === undefined) return parse(text);
  if (scan.depth !== 0 || skipBlanks(text, end + 1) < text.length) throw damaged();
  return new Pieces(text, scan.ends, parse, turn, slice).whole(begin, end);
}

function damaged(): SyntaxError {
  return new SyntaxError('an array or object does not end as it began');
}

function skipBlanks(text: string, from: number): number {
  let i = from;
  while (i < text.length && ' \t\n\r'.includes(text[i])) i += 1;
  return i;
}

/** A text whose large arrays and objects are known. */
class Pieces {
  readonly #text: string;
  readonly #ends: ReadonlyMap<number, number>;
  readonly #parse: InTurns['parse'];
  readonly #turn: InTurns['turn'];
  readonly #slice: number;

  constructor(
    text: string,
    ends: ReadonlyMap<number, number>,
    parse: InTurns['parse'],
    turn: InTurns['turn'],
    slice: number,
  ) {
    this.#text = text;
    this.#ends = ends;
    this.#parse = parse;
    this.#turn = turn;
    this.#slice = slice;
  }

  /** The large array or object between two places. */
  async whole(begin: number, end: number): Promise<unknown> {
    const isList = this.#text.charCodeAt(begin) === OPEN_LIST;
    if (this.#text.charCodeAt(end) !== (isList ? CLOSE_LIST : CLOSE)) throw damaged();
    const whole: unknown[] | Record<string, unknown> = isList ? [] : {};
    if (skipBlanks(this.#text, begin + 1) === end) return whole;
    for (let from = begin + 1; from <= end; ) {
      const { to, large } = this.#piece(from, end);
      if (large === null) add(whole, this.#members(isList, from, to));
      else await this.#addLarge(whole, from, to, large);
      await this.#turn();
      from = to + 1;
    }
    return whole;
  }

  /** Members from `from` to the comma or end at `to`: as many as make a piece, or one with a large array or object. */
  #piece(from: number, end: number): { readonly to: number; readonly large: number | null } {
    let depth = 0;
    let to = -1;
    for (let i = from; i < end; i += 1) {
      const char = this.#text.charCodeAt(i);
      if (char === QUOTE) i = endOfText(this.#text, i + 1);
      else if (char === OPEN || char === OPEN_LIST) {
        const last = depth === 0 ? this.#ends.get(i) : undefined;
        // The members before it are the piece.
        if (last !== undefined) return to === -1 ? { to: this.#commaAfter(last, end), large: i } : { to, large: null };
        depth += 1;
      } else if (char === CLOSE || char === CLOSE_LIST) depth -= 1;
      else if (char === COMMA && depth === 0) {
        to = i;
        if (i - from >= this.#slice) return { to, large: null };
      }
    }
    return { to: end, large: null };
  }

  #commaAfter(last: number, end: number): number {
    const at = skipBlanks(this.#text, last + 1);
    if (at !== end && this.#text.charCodeAt(at) !== COMMA) throw damaged();
    return at;
  }

  /** Parses some members; each has at least one, unless a comma is too many. */
  #members(isList: boolean, from: number, to: number): unknown[] | Record<string, unknown> {
    const text = this.#text.slice(from, to);
    const members = this.#parse(isList ? `[${text}]` : `{${text}}`) as unknown[] | Record<string, unknown>;
    if (Object.keys(members).length === 0) throw new SyntaxError('a member is missing');
    return members;
  }

  async #addLarge(whole: unknown[] | Record<string, unknown>, from: number, to: number, large: number): Promise<void> {
    const end = this.#ends.get(large) ?? to;
    const before = this.#text.slice(from, large);
    if (Array.isArray(whole)) {
      if (before.trim() !== '') throw damaged();
      whole.push(await this.whole(large, end));
      return;
    }
    // The name of the member, with another value.
    const [name] = Object.keys(this.#parse(`{${before}0}`) as Record<string, unknown>);
    if (name === undefined) throw damaged();
    define(whole, name, await this.whole(large, end));
  }
}

function add(whole: unknown[] | Record<string, unknown>, members: unknown[] | Record<string, unknown>): void {
  if (Array.isArray(whole)) for (const member of members as unknown[]) whole.push(member);
  else for (const [name, value] of Object.entries(members)) define(whole, name, value);
}

/** As JSON.parse does it: `__proto__` is a member like any other. */
function define(whole: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__')
    Object.defineProperty(whole, name, { value, writable: true, enumerable: true, configurable: true });
  else whole[name] = value;
}
