import { fail } from './errors/fail.ts';

const UNIT_BYTES = {
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
} as const;

type SizeUnit = keyof typeof UNIT_BYTES;

/** A size as text: a positive whole number and its unit. */
export type SizeText = `${bigint}${SizeUnit}`;

const SIZE = /^([1-9]\d{0,14})([KMGT]iB|[kMGT]B)$/;

/** Bytes of a size text such as `512MiB`; null: not a size. */
export function parseSize(text: string): number | null {
  const [, count, unit] = SIZE.exec(text) ?? [];
  const bytes = Number(count) * (UNIT_BYTES[unit as SizeUnit] ?? Number.NaN);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** Bytes of a size as it is written; `where` says in an error whose it is. Error: SIZE_TEXT. */
export function bytesOf(written: number | SizeText, where: string): number {
  const bytes = typeof written === 'number' ? written : parseSize(written);
  if (bytes === null || !Number.isSafeInteger(bytes) || bytes < 0)
    throw fail('SIZE_TEXT', { where, text: String(written) });
  return bytes;
}

/** Bytes in the largest unit of which they are a whole number: `1GiB`, `200GB`, and `1001` where there is none. */
export function formatSize(bytes: number): string {
  const units = Object.entries(UNIT_BYTES).toSorted(([, a], [, b]) => b - a);
  const [unit, size] = units.find(([, one]) => bytes > 0 && bytes % one === 0) ?? ['', 1];
  return `${bytes / size}${unit}`;
}
