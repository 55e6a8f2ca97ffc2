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
