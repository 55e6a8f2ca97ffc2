import { invalid } from './fault.ts';

/** A request's fields by name: the body of a POST, the query of a GET. */
export type Fields = Readonly<Record<string, unknown>>;

const ADVICE = 'See the API docs for more information about request parameters.';

/**
 * Reads the fields of a request as MLflow's messages declare them. A query has texts only, so a text that is a number is a number; a
 * number in JSON is no text.
 * Texts with a NUL are invalid everywhere. Errors: MlflowFault.
 */
export class Message {
  readonly fields: Fields;

  constructor(fields: Fields) {
    this.fields = fields;
  }

  has(name: string): boolean {
    const value = this.fields[name];
    return value !== undefined && value !== null;
  }

  /** A text that must be there and not be empty. */
  required(name: string): string {
    const value = this.text(name);
    if (value === '') throw invalid(`Missing value for required parameter '${name}'. ${ADVICE}`);
    return value;
  }

  /** A text; empty where it is absent. */
  text(name: string): string {
    const value = this.#one(name);
    if (value === undefined || value === null) return '';
    if (typeof value !== 'string') throw wrong(name, value, 'it is not a string');
    return plainText(name, value);
  }

  maybeText(name: string): string | undefined {
    return this.has(name) ? this.text(name) : undefined;
  }

  /** A whole number; undefined where it is absent. */
  whole(name: string): number | undefined {
    const value = this.#one(name);
    if (value === undefined || value === null || value === '') return undefined;
    const number = typeof value === 'string' && /^-?\d{1,16}$/.test(value) ? Number(value) : value;
    if (typeof number !== 'number' || !Number.isSafeInteger(number))
      throw wrong(name, value, 'it is not a whole number');
    return number;
  }

  requiredWhole(name: string): number {
    const value = this.whole(name);
    if (value === undefined) throw invalid(`Missing value for required parameter '${name}'. ${ADVICE}`);
    return value;
  }

  flag(name: string): boolean {
    const value = this.#one(name);
    if (value === undefined || value === null) return false;
    if (value === true || value === 'true') return true;
    if (value === false || value === 'false') return false;
    throw wrong(name, value, 'it is not a boolean');
  }

  /** A number that may be NaN or infinite, written as a text then. */
  real(name: string): number {
    const value = this.fields[name];
    if (typeof value === 'number') return value;
    if (
      typeof value === 'string' &&
      /^(NaN|-?Infinity|-?\d[\d.eE+-]*)$/.test(value) &&
      (value === 'NaN' || !Number.isNaN(Number(value)))
    )
      return Number(value);
    if (value === undefined || value === null)
      throw invalid(`Missing value for required parameter '${name}'. ${ADVICE}`);
    throw wrong(name, value, 'it is not a number');
  }

  texts(name: string): readonly string[] {
    const value = this.fields[name];
    if (value === undefined || value === null) return [];
    const list = Array.isArray(value) ? value : [value];
    return list.map((one: unknown) => {
      if (typeof one !== 'string') throw wrong(name, one, 'it is not a list of strings');
      return plainText(name, one);
    });
  }

  /** The members of a list of messages. */
  messages(name: string): readonly Message[] {
    const value = this.fields[name];
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) throw wrong(name, value, 'it is not a list');
    return value.map((one: unknown) => new Message(asFields(one, name)));
  }

  message(name: string): Message {
    return new Message(asFields(this.fields[name] ?? {}, name));
  }

  /** One of some words. */
  word<const Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    const value = this.maybeText(name);
    if (value === undefined || value === '') return undefined;
    const found = words.find((one) => one === value);
    if (found === undefined) throw wrong(name, value, `use ${words.join(', ')}`);
    return found;
  }

  /** Of repeated keys of a query the last counts. */
  #one(name: string): unknown {
    const value = this.fields[name];
    return Array.isArray(value) && value.every((one) => typeof one === 'string') ? value.at(-1) : value;
  }
}

/** An object as fields. */
export function asFields(value: unknown, name: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrong(name, value, 'it is not an object');
  return value as Fields;
}

export function wrong(name: string, value: unknown, reason: string): Error {
  const shown = JSON.stringify(value) ?? 'undefined';
  return invalid(`Invalid value ${shown.slice(0, 200)} for parameter '${name}' supplied: ${reason}. ${ADVICE}`);
}

function plainText(name: string, value: string): string {
  if (value.includes('\u0000')) throw wrong(name, value, 'it has a NUL character');
  if (!value.isWellFormed()) throw wrong(name, value, 'it is not well-formed Unicode');
  return value;
}
