import { fail } from '../base/errors/fail.ts';

/** The number of a version that a call names. Error: CLI_VALUE. */
export function versionWord(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw fail('CLI_VALUE', { option: 'version', value: text, wanted: 'the number of a version' });
}
