/** Numbers of a slab: 8 KiB. */
const SLAB_NUMBERS = 1_024;

/**
 * More numbers than this have memory of their own: what a run leaves when it grows is not free before its slab, so runs that
 * grow leave the slabs soon.
 */
const MOST_NUMBERS = 32;

/** Whether numbers share a slab with others. */
export function isInSlab({ buffer, byteLength }: Float64Array): boolean {
  return byteLength > 0 && byteLength < buffer.byteLength;
}

let slab = new ArrayBuffer(SLAB_NUMBERS * Float64Array.BYTES_PER_ELEMENT);
let used = 0;

/**
 * Zeros, cut from a slab where they are few: a buffer costs four times the numbers of a tile, and its collector the time. A slab
 * is free when all that were cut from it are, so it is small. Hot path: once for every run of a key.
 */
export function newNumbers(count: number): Float64Array<ArrayBuffer> {
  if (count > MOST_NUMBERS) return new Float64Array(count);
  if (used + count > SLAB_NUMBERS) {
    slab = new ArrayBuffer(SLAB_NUMBERS * Float64Array.BYTES_PER_ELEMENT);
    used = 0;
  }
  const numbers = new Float64Array(slab, used * Float64Array.BYTES_PER_ELEMENT, count);
  used += count;
  return numbers;
}
