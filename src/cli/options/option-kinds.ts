import { formatSize, parseSize } from '../../base/byte-size.ts';
import { isHeadraceError } from '../../base/errors/fail.ts';
import { durationMs, formatDuration } from '../../base/time.ts';
import { dateOf, readInstant } from '../../schema/instant.ts';

/** How the text of an option or a word of a call is read. */
export interface Kind<T> {
  /** The values that it takes, as an error and the page of a command name them: `a whole number from 1 to 64`. */
  readonly wanted: string;
  /** The place of the value on the page of a command: `<size>`. */
  readonly shown: string;
  /** The value; undefined: the text is none. `name` is that of the option, for errors. */
  readonly parse: (text: string, name: string) => T | undefined;
  /** All texts that it takes, where they are few. */
  readonly words?: readonly string[];
  /** A value as a call writes it. */
  write(value: T): string;
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

function numberOf(text: string): number {
  // Minus zero is zero.
  return NUMBER.test(text) ? Number(text) + 0 : Number.NaN;
}

function rangeText(least: number, most: number, write: (value: number) => string = String): string {
  return most >= Number.MAX_SAFE_INTEGER ? `from ${write(least)}` : `from ${write(least)} to ${write(most)}`;
}

/** A whole number within bounds. */
export function whole(least: number, most: number = Number.MAX_SAFE_INTEGER): Kind<number> {
  return {
    wanted: `a whole number ${rangeText(least, most)}`,
    shown: '<number>',
    parse: (text) => {
      const number = numberOf(text);
      return Number.isInteger(number) && number >= least && number <= most ? number : undefined;
    },
    write: String,
  };
}

/** A number within bounds. */
export function number(least: number, most: number = Number.MAX_VALUE): Kind<number> {
  return {
    wanted: `a number ${rangeText(least, most)}`,
    shown: '<number>',
    parse: (text) => {
      const value = numberOf(text);
      return value >= least && value <= most ? value : undefined;
    },
    write: String,
  };
}

/** The number of a version of a model. */
export const version: Kind<number> = { ...whole(1), wanted: 'the number of a version', shown: '<version>' };

/** Bytes within bounds: `512MiB`, or a whole number of them. */
export function size(least: number, most: number): Kind<number> {
  const bytes = whole(least, most);
  return {
    wanted: `a size ${rangeText(least, most, formatSize)}, such as "64MiB"`,
    shown: '<size>',
    parse: (text, option) => bytes.parse(String(parseSize(text) ?? text), option),
    write: formatSize,
  };
}

/** Milliseconds: `50ms`, `2h`, `7d`. */
export const duration: Kind<number> = {
  wanted: 'a time such as 50ms, 30s, 5m, 2h or 7d',
  shown: '<time>',
  parse: (text) => durationMs(text) ?? undefined,
  write: formatDuration,
};

/** Milliseconds, or 0. */
export const delay: Kind<number> = {
  ...duration,
  wanted: `0 or ${duration.wanted}`,
  parse: (text, option) => (text === '0' ? 0 : duration.parse(text, option)),
  write: (ms) => (ms === 0 ? '0' : formatDuration(ms)),
};

const SECONDS_IN = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** Whole seconds of a time such as `8h`, `18m`, `0.2h` or `720s`. */
export const seconds: Kind<number> = {
  wanted: 'whole seconds, such as 8h, 18m or 720s',
  shown: '<time>',
  parse: (text) => {
    const match = /^(\d{1,9}(?:\.\d{1,6})?)(s|m|h|d)$/.exec(text);
    const exact = match === null ? Number.NaN : Number(match[1]) * SECONDS_IN[match[2] as keyof typeof SECONDS_IN];
    // 48.2 · 3600 in doubles is not whole by a few of its last bits.
    const rounded = Math.round(exact);
    return Math.abs(exact - rounded) < 1e-6 ? rounded : undefined;
  },
  write: (value) => (value === 0 ? '0s' : formatDuration(value * 1000)),
};

/** Epoch milliseconds: written so, or as a UTC date such as 2026-01-31 or 2026-01-31T12:00:00Z. Errors: INSTANT_*. */
export const instant: Kind<number> = {
  wanted: 'epoch milliseconds or a UTC date',
  shown: '<instant>',
  parse: (text, option) => {
    const place = { where: 'the command', column: `--${option}` };
    if (/^-?\d+$/.test(text)) return readInstant(Number(text), Date.now(), place);
    return dateOf(text);
  },
  write: (at) => new Date(at).toISOString(),
};

/** One of a few words. */
export function choice<const W extends string>(words: readonly W[]): Kind<W> {
  return {
    wanted: words.join(' or '),
    shown: '<word>',
    parse: (text) => words.find((word) => word === text),
    words,
    write: String,
  };
}

/** One of a few things by its name. */
export function named<T extends { readonly name: string }>(all: readonly T[]): Kind<T> {
  return {
    ...choice(all.map(({ name }) => name)),
    parse: (text) => all.find(({ name }) => name === text),
    write: ({ name }) => name,
  };
}

/** Any text. */
export const text: Kind<string> = { wanted: 'a text', shown: '<text>', parse: (value) => value, write: String };

/** A text that is not empty, as `wanted` says what it names. */
export function name(wanted: string, shown = '<name>'): Kind<string> {
  return { wanted, shown, parse: (value) => (value === '' ? undefined : value), write: String };
}

/** A column of a file. */
export const column = name('the name of a column', '<column>');

/** The path of a file or folder, as it was written. */
export const file = name('the path of a file', '<path>');
export const folder = name('the path of a folder', '<path>');

/** Values with commas between, `least` of them or more; an empty text is none. */
export function list<T>(of: Kind<T>, least = 0): Kind<readonly T[]> {
  return {
    wanted: `a list of ${of.wanted}, with commas between`,
    shown: '<a,b,…>',
    parse: (value, option) => {
      const parts = value === '' ? [] : value.split(',').map((part) => of.parse(part.trim(), option));
      const known = parts.flatMap((part) => (part === undefined ? [] : [part]));
      return known.length < parts.length || known.length < least ? undefined : known;
    },
    write: (values) => values.map((value) => of.write(value)).join(','),
  };
}

/** Pairs such as `user=customer_id,basket=n`; an empty text is none of them. */
export const pairs: Kind<Readonly<Record<string, string>>> = {
  wanted: 'name=column,…',
  shown: '<a=b,…>',
  parse: (value) => {
    const parts = value === '' ? [] : value.split(',').map((pair) => pair.split('='));
    if (parts.some((pair) => pair.length !== 2 || pair.includes(''))) return undefined;
    return Object.fromEntries(parts);
  },
  write: (value) =>
    Object.entries(value)
      .map((pair) => pair.join('='))
      .join(','),
};

/** The one word, or a value of another kind. */
export function or<const W extends string, T>(word: W, of: Kind<T>): Kind<W | T> {
  return {
    ...of,
    wanted: `${word} or ${of.wanted}`,
    parse: (value, option) => (value === word ? word : of.parse(value, option)),
    write: (value) => (typeof value === 'string' ? value : of.write(value as T)),
  };
}

/** The address of a server. */
export const address: Kind<string> = {
  ...text,
  wanted: 'an address of http or https',
  parse: (value) => (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol) ? value : undefined),
};

/** A text that a parser of the product reads; its error says less than `wanted`. */
export function read<T>(wanted: string, parse: (value: string) => T, write: (value: T) => string): Kind<T> {
  return {
    wanted,
    shown: '<text>',
    parse: (value) => {
      try {
        return parse(value);
      } catch (error) {
        if (isHeadraceError(error)) return undefined;
        throw error;
      }
    },
    write,
  };
}
