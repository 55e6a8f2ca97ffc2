import { formatSize, parseSize } from '../base/byte-size.ts';
import { fail } from '../base/errors/fail.ts';
import { readInstant } from '../schema/instant.ts';

/** A whole number within bounds. Error: CLI_VALUE. */
export function wholeOption(
  option: string,
  value: string | boolean | undefined,
  otherwise: number,
  least: number,
  most: number,
): number {
  if (value === undefined) return otherwise;
  const number = Number(value);
  if (typeof value === 'string' && Number.isInteger(number) && number >= least && number <= most) return number;
  throw fail('CLI_VALUE', { option, value: String(value), wanted: `a whole number from ${least} to ${most}` });
}

/** A size within bounds: `512MiB`, or a whole number of bytes. Error: CLI_VALUE. */
export function sizeOption(
  option: string,
  value: string | boolean | undefined,
  otherwise: number,
  least: number,
  most: number,
): number {
  if (value === undefined) return otherwise;
  const bytes = parseSize(String(value)) ?? Number(value);
  if (typeof value === 'string' && Number.isInteger(bytes) && bytes >= least && bytes <= most) return bytes;
  const wanted = `a size from ${formatSize(least)} to ${formatSize(most)}, such as "64MiB"`;
  throw fail('CLI_VALUE', { option, value: String(value), wanted });
}

/** An instant: epoch ms, or a date such as 2026-01-31 or 2026-01-31T12:00:00Z (UTC). Errors: CLI_VALUE, INSTANT_*. */
export function instantOption(option: string, value: string | boolean | undefined): number | undefined {
  if (value === undefined) return undefined;
  const text = String(value);
  const place = { where: 'the command', column: `--${option}` };
  const at = /^-?\d+$/.test(text)
    ? readInstant(Number(text), Date.now(), place)
    : /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?Z)?$/.test(text)
      ? Date.parse(text)
      : Number.NaN;
  if (Number.isNaN(at)) throw fail('CLI_VALUE', { option, value: text, wanted: 'epoch milliseconds or a UTC date' });
  return at;
}

/** One of a few words; undefined where the option is left out. Error: CLI_VALUE. */
export function choiceOption<const W extends string>(
  option: string,
  value: string | boolean | undefined,
  words: readonly W[],
): W | undefined {
  if (value === undefined) return undefined;
  const word = words.find((one) => one === value);
  if (word === undefined) throw fail('CLI_VALUE', { option, value: String(value), wanted: words.join(' or ') });
  return word;
}

/** Pairs such as `user=customer_id,basket=n`. Error: CLI_VALUE. */
export function pairsOption(option: string, value: string | boolean | undefined): Readonly<Record<string, string>> {
  const pairs =
    value === undefined
      ? []
      : String(value)
          .split(',')
          .map((pair) => pair.split('='));
  if (pairs.some((pair) => pair.length !== 2 || pair.includes('')))
    throw fail('CLI_VALUE', { option, value: String(value), wanted: 'name=column,…' });
  return Object.fromEntries(pairs);
}

const SECONDS_IN = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** Whole seconds of a time such as `8h`, `18m`, `0.2h` or `720s`; undefined where the option is left out. Error: CLI_VALUE. */
export function secondsOption(option: string, value: string | boolean | undefined): number | undefined {
  if (value === undefined) return undefined;
  const match = /^(\d{1,9}(?:\.\d{1,6})?)(s|m|h|d)$/.exec(String(value));
  const exact = match === null ? Number.NaN : Number(match[1]) * SECONDS_IN[match[2] as keyof typeof SECONDS_IN];
  // 48.2 · 3600 in doubles is not whole by a few of its last bits.
  const seconds = Math.round(exact);
  if (!(Math.abs(exact - seconds) < 1e-6))
    throw fail('CLI_VALUE', { option, value: String(value), wanted: 'whole seconds, such as 8h, 18m or 720s' });
  return seconds;
}

/** A number within bounds; undefined where the option is left out. Error: CLI_VALUE. */
export function numberOption(
  option: string,
  value: string | boolean | undefined,
  least: number,
  most = Number.MAX_VALUE,
): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (typeof value === 'string' && value.trim() !== '' && number >= least && number <= most) return number;
  throw fail('CLI_VALUE', { option, value: String(value), wanted: `a number from ${least} to ${most}` });
}
