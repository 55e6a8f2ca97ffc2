import { numberText } from '../base/number-text.ts';
/** A number of bytes in a unit that suits it, by thousands. */
export function bytesText(bytes: number): string {
  const power = Math.min(4, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const scaled = bytes / 1_000 ** power;
  return `${power === 0 || scaled >= 100 ? Math.round(scaled) : numberText(scaled)} ${['B', 'kB', 'MB', 'GB', 'TB'][power]}`;
}
