import { fail } from '../base/errors/fail.ts';

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

/** An instant: epoch ms, or a date such as 2026-01-31 or 2026-01-31T12:00:00Z (UTC). Error: CLI_VALUE. */
export function instantOption(option: string, value: string | boolean | undefined): number | undefined {
  if (value === undefined) return undefined;
  const text = String(value);
  const at = /^-?\d+$/.test(text)
    ? Number(text)
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
