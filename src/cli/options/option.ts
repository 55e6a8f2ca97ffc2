import { fail } from '../../base/errors/fail.ts';
import type { Kind } from './option-kinds.ts';

/**
 * One option of a command, under its name: how its text is read, its value where the call does not name it, and its help. Parsing, the
 * help page, the reference and completion are made from it; `V` is the type of its value in `run`.
 */
export interface Option<V> {
  /** null: a flag, which takes no value. */
  readonly kind: Kind<unknown> | null;
  readonly default: V;
  readonly help: string;
  /** Whether each call must name it. */
  readonly isNeeded: boolean;
  /** Whether a call may name it again: its value is the list of all. */
  readonly isRepeated: boolean;
}

/** The options of a command by name. */
export type Options = Readonly<Record<string, Option<unknown>>>;

/** The values of a call, by the name of their option. */
export type Values<O extends Options> = { readonly [K in keyof O]: O[K] extends Option<infer V> ? V : never };

const single = { isNeeded: false, isRepeated: false } as const;

/** An option that a call may leave out: then its value is the default, or undefined without one. */
export function option<T>(kind: Kind<T>, help: string): Option<T | undefined>;
export function option<T>(kind: Kind<T>, help: string, otherwise: NoInfer<T>): Option<T>;
export function option<T>(kind: Kind<T>, help: string, otherwise?: T): Option<T | undefined> {
  return { kind, help, default: otherwise, ...single };
}

/** An option that every call names. */
export function needed<T>(kind: Kind<T>, help: string): Option<T> {
  // Never read: a call without it is an error.
  return { kind, help, default: undefined as T, ...single, isNeeded: true };
}

/** An option that a call may name several times. */
export function repeated<T>(kind: Kind<T>, help: string): Option<readonly T[]> {
  return { kind, help, default: [], ...single, isRepeated: true };
}

/** An option without a value: true where the call names it. */
export function flag(help: string): Option<boolean> {
  return { kind: null, help, default: false, ...single };
}

/** The value of a text that a call names. Errors: CLI_VALUE, INSTANT_*. */
export function parseValue<T>(name: string, kind: Kind<T>, text: string): T {
  const value = kind.parse(text, name);
  if (value === undefined) throw fail('CLI_VALUE', { option: name, value: text, wanted: kind.wanted });
  return value;
}

/** Values of the options that a call names, and defaults of the others. Errors: CLI_VALUE, INSTANT_*. */
export function parseValues<O extends Options>(options: O, texts: Readonly<Record<string, unknown>>): Values<O> {
  const value = (name: string, { kind, default: otherwise, isNeeded, isRepeated }: Option<unknown>) => {
    const text = Object.hasOwn(texts, name) ? texts[name] : undefined;
    if (kind === null) return text === true;
    if (text === undefined && !isNeeded) return otherwise;
    if (isRepeated) return [text].flat().map((one) => parseValue(name, kind, String(one)));
    return parseValue(name, kind, String(text ?? ''));
  };
  return Object.fromEntries(Object.entries(options).map(([name, one]) => [name, value(name, one)])) as Values<O>;
}

/** The help of an option: with the words that it takes, and its default in brackets. */
export function helpOf({ kind, help, default: otherwise, isRepeated }: Option<unknown>): string {
  const words = kind?.words === undefined ? '' : `: ${listed(kind.words)}`;
  const usual = kind === null || otherwise === undefined || isRepeated ? '' : kind.write(otherwise);
  // Before a default in brackets that only the help knows.
  const at = /(?: \([^()]*\))?$/.exec(help)?.index ?? help.length;
  return `${help.slice(0, at)}${words}${help.slice(at)}${usual === '' ? '' : ` (${usual})`}${isRepeated ? '; may be repeated' : ''}`;
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}
