/**
 * Text form of a protobuf message, as far as model configurations use it:
 *
 * ```
 * message = *( field [ "," / ";" ] )
 * field   = name [ ":" ] ( "{" message "}" / "<" message ">" / list ) / name ":" ( scalar / list )
 * list    = "[" [ item *( "," item ) ] "]"       ; item = scalar / "{" message "}"
 * scalar  = 1*string / number / word             ; words are true, false and names of enums
 * string  = quoted with " or ', with the escapes of C
 * ```
 *
 * `#` begins a comment. A field that occurs several times has several values.
 */
export type PbMessage = ReadonlyMap<string, readonly PbValue[]>;

/** A scalar as text; `quoted` tells the string "1" from the number 1. */
export type PbValue = { readonly text: string; readonly quoted: boolean } | PbMessage;

/** Nesting above which a text is refused. */
const DEEPEST = 50;

const SPACE = /[\s#]/;
const WORD = /[A-Za-z0-9_.+-]/;

/** Parses a message. Throws SyntaxError, with the line. */
export function parsePbtxt(text: string): PbMessage {
  return new Reader(text).message(null, 0);
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Fields up to `end`, which is consumed; null: up to the end of the text. */
  message(end: string | null, depth: number): PbMessage {
    if (depth > DEEPEST) throw this.#error('messages are nested too deeply');
    const fields = new Map<string, PbValue[]>();
    for (;;) {
      const next = this.#peek();
      if (next === end) {
        this.#at += 1;
        return fields;
      }
      if (next === null) {
        if (end === null) return fields;
        throw this.#error(`"${end}" is missing`);
      }
      const name = this.#word('a field');
      const values = fields.get(name) ?? [];
      fields.set(name, values);
      for (const value of this.#values(depth)) values.push(value);
      if (this.#peek() === ',' || this.#peek() === ';') this.#at += 1;
    }
  }

  #values(depth: number): readonly PbValue[] {
    const hasColon = this.#peek() === ':';
    if (hasColon) this.#at += 1;
    const next = this.#peek();
    if (next === '[') return this.#list(depth);
    if (next === '{' || next === '<') return [this.#value(depth)];
    if (!hasColon) throw this.#error('":" is missing');
    return [this.#value(depth)];
  }

  #list(depth: number): readonly PbValue[] {
    this.#at += 1;
    const values: PbValue[] = [];
    if (this.#peek() === ']') {
      this.#at += 1;
      return values;
    }
    for (;;) {
      values.push(this.#value(depth));
      const next = this.#peek();
      this.#at += 1;
      if (next === ']') return values;
      if (next !== ',') throw this.#error('"," or "]" is missing');
    }
  }

  #value(depth: number): PbValue {
    const next = this.#peek();
    if (next === '{' || next === '<') {
      this.#at += 1;
      return this.message(next === '{' ? '}' : '>', depth + 1);
    }
    if (next === '"' || next === "'") return { text: this.#strings(), quoted: true };
    return { text: this.#word('a value'), quoted: false };
  }

  /** Strings that follow each other are one. */
  #strings(): string {
    let all = '';
    for (let next = this.#peek(); next === '"' || next === "'"; next = this.#peek()) all += this.#string(next);
    return all;
  }

  #string(quote: string): string {
    let out = '';
    this.#at += 1;
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined || char === '\n') throw this.#error(`a string has no closing ${quote}`);
      this.#at += 1;
      if (char === quote) return out;
      out += char === '\\' ? this.#escape() : char;
    }
  }

  #escape(): string {
    const char = this.#text[this.#at] ?? '';
    this.#at += 1;
    const plain: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\\': '\\', '"': '"', "'": "'" };
    if (Object.hasOwn(plain, char)) return plain[char];
    const rest = this.#text.slice(this.#at - 1, this.#at + 2);
    const octal = /^[0-7]{1,3}/.exec(rest)?.[0];
    const hex = /^x[0-9A-Fa-f]{1,2}/.exec(rest)?.[0];
    const code = octal ?? hex;
    if (code === undefined) throw this.#error(`the escape "\\${char}" is unknown`);
    this.#at += code.length - 1;
    return String.fromCharCode(octal === undefined ? Number.parseInt(code.slice(1), 16) : Number.parseInt(code, 8));
  }

  #word(what: string): string {
    this.#peek();
    const from = this.#at;
    while (this.#at < this.#text.length && WORD.test(this.#text[this.#at])) this.#at += 1;
    if (this.#at === from) throw this.#error(`${what} is missing`);
    return this.#text.slice(from, this.#at);
  }

  /** The next character that is neither space nor comment; null: the end. */
  #peek(): string | null {
    while (this.#at < this.#text.length && SPACE.test(this.#text[this.#at])) {
      if (this.#text[this.#at] !== '#') this.#at += 1;
      else {
        const end = this.#text.indexOf('\n', this.#at);
        this.#at = end < 0 ? this.#text.length : end;
      }
    }
    return this.#text[this.#at] ?? null;
  }

  #error(reason: string): SyntaxError {
    const line = this.#text.slice(0, this.#at).split('\n').length;
    return new SyntaxError(`line ${line}: ${reason}`);
  }
}
