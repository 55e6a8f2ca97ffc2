import { fail } from '../../base/errors/fail.ts';
import type { PbMessage, PbValue } from './pbtxt.ts';

type Plain = string | number | boolean | bigint | PlainMessage;
interface PlainMessage {
  readonly [field: string]: unknown;
}

/** A model configuration as plain data: each field has a list of values. */
export function plainOf(message: PbMessage): PlainMessage {
  return Object.fromEntries([...message].map(([name, values]) => [name, values.map(plainValue)]));
}

function plainValue(value: PbValue): Plain {
  return value instanceof Map ? plainOf(value) : (value as { readonly text: string }).text;
}

/**
 * The fields of one message of a configuration. A field that nobody has read when {@link Fields.end} is called is refused
 * by its name: an option that is passed over would be a silent difference. Error: OIP_CONFIG.
 */
export class Fields {
  readonly path: string;
  readonly #file: string;
  readonly #values: ReadonlyMap<string, readonly unknown[]>;
  readonly #read = new Set<string>();

  constructor(value: unknown, path: string, file: string) {
    this.path = path;
    this.#file = file;
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw fail('OIP_CONFIG', { path: file, reason: `${path} is no message` });
    this.#values = new Map(Object.entries(value).map(([name, one]) => [name, Array.isArray(one) ? one : [one]]));
  }

  error(field: string, reason: string) {
    return fail('OIP_CONFIG', { path: this.#file, reason: `${this.#at(field)} ${reason}` });
  }

  has(field: string): boolean {
    return (this.#values.get(field)?.length ?? 0) > 0;
  }

  /** The one value of a field; undefined: absent. */
  one(field: string): unknown {
    const values = this.many(field);
    if (values.length > 1) throw this.error(field, 'occurs more than once');
    return values[0];
  }

  many(field: string): readonly unknown[] {
    this.#read.add(field);
    return this.#values.get(field) ?? [];
  }

  text(field: string, otherwise = ''): string {
    const value = this.one(field) ?? otherwise;
    if (typeof value === 'string') return value;
    throw this.error(field, 'is no text');
  }

  /** A whole number, also as a text. */
  whole(field: string, otherwise = 0): number {
    return this.#whole(field, this.one(field) ?? otherwise);
  }

  wholes(field: string): readonly number[] {
    return this.many(field).map((value) => this.#whole(field, value));
  }

  flag(field: string): boolean {
    const value = this.one(field) ?? false;
    if (value === true || value === 'true' || value === 't' || value === '1') return true;
    if (value === false || value === 'false' || value === 'f' || value === '0') return false;
    throw this.error(field, 'is no boolean');
  }

  message(field: string): Fields | null {
    const value = this.one(field);
    return value === undefined ? null : new Fields(value, this.#at(field), this.#file);
  }

  messages(field: string): readonly Fields[] {
    return this.many(field).map((value, i) => new Fields(value, `${this.#at(field)}[${i}]`, this.#file));
  }

  /** Entries of a map: messages of key and value, or an object. */
  entries(field: string): readonly (readonly [key: string, value: unknown])[] {
    return this.many(field).flatMap((value, i): readonly (readonly [string, unknown])[] => {
      const fields = new Fields(value, `${this.#at(field)}[${i}]`, this.#file);
      if (fields.has('key')) return [[fields.text('key'), fields.one('value')]];
      return Object.entries(value as PlainMessage);
    });
  }

  /** A nested message of an entry of a map. */
  nested(value: unknown, name: string): Fields {
    return new Fields(value, this.#at(name), this.#file);
  }

  /** Refuses what was not read. */
  end(): void {
    for (const field of this.#values.keys())
      if (!this.#read.has(field)) throw this.error(field, 'is not supported by this server');
  }

  #whole(field: string, value: unknown): number {
    const number = typeof value === 'string' && /^[+-]?\d+$/.test(value) ? Number(value) : value;
    if (Number.isSafeInteger(number)) return Number(number);
    throw this.error(field, 'is no whole number');
  }

  #at(field: string): string {
    return this.path === '' ? field : `${this.path}.${field}`;
  }
}
