/**
 * Log-linear bins of whole numbers: 64 to an octave (k = 6), so that every |x| < 128 has its own. A bin goes by its
 * index, which orders as the values do; its edge is its value nearest to zero, `x - MOD(x, w)` with
 * `w = max(1, 2^(floor(log2 |x|) - 6))`: integers only, equal on every engine. An edge has at most 7 significant bits
 * and is therefore exact as a double. Hot path.
 */
const OCTAVE = 64;
/** Indexes of int64 lie within ±3,712 (the bin of −2^63). */
export const MOST_BIN = 3712;

const bits = new Float64Array(1);
const words = new Uint32Array(bits.buffer);
/** Sign, exponent and the six highest bits of the fraction, of 2^6. */
const CODE_OF_64 = (1023 + 6) << 6;

/** The bin of a safe integer. */
export function binOf(x: number): number {
  return x < 0 ? -binOfSize(-x) : binOfSize(x);
}

/** The bin of an int64. */
export function binOfBigInt(x: bigint): number {
  const size = x < 0n ? -x : x;
  // Eleven low bits are below the width of every bin from 2^53 on.
  const bin = size <= Number.MAX_SAFE_INTEGER ? binOfSize(Number(size)) : binOfSize(Number(size >> 11n)) + 11 * OCTAVE;
  return x < 0n ? -bin : bin;
}

/** The value of a bin that is nearest to zero. */
export function edgeOf(bin: number): number {
  return bin < 0 ? -edgeOfSize(-bin) : edgeOfSize(bin);
}

/** The middle of a bin's whole numbers, from edge to edge + w − 1: at most 1/128 from each of them. */
export function middleOf(bin: number): number {
  const size = Math.abs(bin);
  const middle = edgeOfSize(size) + (widthOfSize(size) - 1) / 2;
  return bin < 0 ? -middle : middle;
}

function binOfSize(size: number): number {
  if (size < OCTAVE) return size;
  bits[0] = size;
  // The high word holds the exponent and the 20 highest bits of the fraction (little-endian).
  return (words[1] >>> 14) - CODE_OF_64 + OCTAVE;
}

function edgeOfSize(bin: number): number {
  return bin < OCTAVE ? bin : (OCTAVE + (bin % OCTAVE)) * widthOfSize(bin);
}

function widthOfSize(bin: number): number {
  return bin < 2 * OCTAVE ? 1 : 2 ** (Math.floor(bin / OCTAVE) - 1);
}

/** Counts by bin, ascending: bin, count, bin, count … */
export type BinCounts = number[];

/** Counts one event. */
export function addToBin(bins: BinCounts, bin: number): void {
  const at = placeOf(bins, bin);
  if (bins[at] === bin) bins[at + 1] += 1;
  else bins.splice(at, 0, bin, 1);
}

/** Takes one event away that was counted. */
export function takeFromBin(bins: BinCounts, bin: number): void {
  const at = placeOf(bins, bin);
  bins[at + 1] -= 1;
  if (bins[at + 1] === 0) bins.splice(at, 2);
}

/** Where a bin is, or would be. */
function placeOf(bins: BinCounts, bin: number): number {
  let low = 0;
  let high = bins.length / 2;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (bins[2 * middle] < bin) low = middle + 1;
    else high = middle;
  }
  return 2 * low;
}

/** Counts by bin on their way through a merge, at bin + MOST_BIN; all zero between merges. */
const dense = new Float64Array(2 * MOST_BIN + 1);

/** The sum of counts in `objs`, from `o` on, `stride` apart, and of `held`; null where there are none. */
export function mergeBins(
  held: BinCounts | null,
  objs: readonly unknown[],
  o: number,
  stride: number,
  count: number,
): BinCounts | null {
  let least = dense.length;
  let greatest = -1;
  for (let i = -1, at = o; i < count; i += 1) {
    const bins = i < 0 ? held : (objs[at] as BinCounts | null);
    if (i >= 0) at += stride;
    if (bins === null) continue;
    for (let b = 0; b < bins.length; b += 2) dense[bins[b] + MOST_BIN] += bins[b + 1];
    least = Math.min(least, bins[0] + MOST_BIN);
    greatest = Math.max(greatest, bins[bins.length - 2] + MOST_BIN);
  }
  if (greatest < 0) return null;
  const merged: BinCounts = [];
  for (let i = least; i <= greatest; i += 1) {
    if (dense[i] === 0) continue;
    merged.push(i - MOST_BIN, dense[i]);
    dense[i] = 0;
  }
  return merged;
}

/** The bin that holds a rank, counted from 1. */
export function binOfRank(bins: BinCounts, rank: number): number {
  let left = rank;
  for (let b = 0; b < bins.length; b += 2) {
    left -= bins[b + 1];
    if (left <= 0) return bins[b];
  }
  return bins[bins.length - 2];
}
