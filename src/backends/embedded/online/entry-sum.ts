import { crc32 } from 'node:zlib';

export const SUM_BYTES = 4;

/** The start value of an entry's sum. */
export function sumOf(key: Uint8Array): number {
  return crc32(key);
}

/** Whether the sum of an entry fits. */
export function isSealed(key: Uint8Array, value: Uint8Array): boolean {
  return fits(value, sumOf(key));
}

export function fits(value: Uint8Array, sumOfKey: number): boolean {
  if (value.length < SUM_BYTES) return false;
  const check = value[0] + value[1] * 2 ** 8 + value[2] * 2 ** 16 + value[3] * 2 ** 24;
  return crc32(contentOf(value), sumOfKey) === check;
}

/** The length that LMDB's binding gives is the value's; the buffer that it lends is longer. */
export function contentOf(value: Uint8Array): Uint8Array {
  return value.subarray(SUM_BYTES, value.length);
}
