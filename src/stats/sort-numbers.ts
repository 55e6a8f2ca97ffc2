/** From this many numbers on, sorting by digits is faster than by comparisons. */
const BY_DIGITS = 4096;
const BITS = 11;
const DIGITS = 1 << BITS;

/** The finite numbers of an array in ascending order. Hot path: by digits of 11 bits, the lowest first (Knuth 1973, §5.2.5). */
export function sortedFinite(numbers: Float64Array): Float64Array {
  return sortNumbers(finiteOf(numbers));
}

/** Finite numbers in ascending order, in the given array or in another one: the given one is overwritten. Hot path. */
export function sortNumbers(finite: Float64Array): Float64Array {
  const n = finite.length;
  if (n < BY_DIGITS) return finite.sort();
  let source: Float64Array = finite;
  let target: Float64Array = new Float64Array(n);
  for (let shift = 0; shift < 64; shift += BITS) {
    const halves = new Uint32Array(source.buffer, source.byteOffset, 2 * n);
    const starts = startsOf(halves, n, shift);
    if (starts === null) continue;
    for (let i = 0; i < n; i += 1) {
      const digit = digitOf(halves[2 * i], halves[2 * i + 1], shift);
      target[starts[digit]] = source[i];
      starts[digit] += 1;
    }
    [source, target] = [target, source];
  }
  return negativesFirst(source, target);
}

function finiteOf(numbers: Float64Array): Float64Array<ArrayBuffer> {
  let n = 0;
  const finite = new Float64Array(numbers.length);
  for (let i = 0; i < numbers.length; i += 1) {
    const value = numbers[i];
    finite[n] = value;
    if (value - value === 0) n += 1;
  }
  return n === numbers.length ? finite : finite.slice(0, n);
}

/** Eleven bits of a double from a place on; its halves are in the order of little-endian machines, which all of ours are. */
function digitOf(low: number, high: number, shift: number): number {
  if (shift >= 32) return (high >>> (shift - 32)) & (DIGITS - 1);
  if (shift + BITS <= 32) return (low >>> shift) & (DIGITS - 1);
  return ((low >>> shift) | (high << (32 - shift))) & (DIGITS - 1);
}

/** Where the numbers of each digit begin; null: all have the same one. */
function startsOf(halves: Uint32Array, n: number, shift: number): Uint32Array | null {
  const starts = new Uint32Array(DIGITS);
  for (let i = 0; i < n; i += 1) starts[digitOf(halves[2 * i], halves[2 * i + 1], shift)] += 1;
  if (starts[digitOf(halves[0], halves[1], shift)] === n) return null;
  let before = 0;
  for (let digit = 0; digit < DIGITS; digit += 1) {
    const own = starts[digit];
    starts[digit] = before;
    before += own;
  }
  return starts;
}

/** By their bits, negative numbers come last and the closest to 0 first. */
function negativesFirst(sorted: Float64Array, into: Float64Array): Float64Array {
  const n = sorted.length;
  let positives = n;
  while (positives > 0 && (sorted[positives - 1] < 0 || Object.is(sorted[positives - 1], -0))) positives -= 1;
  if (positives === n) return sorted;
  const negatives = n - positives;
  for (let i = 0; i < negatives; i += 1) into[i] = sorted[n - 1 - i];
  into.set(sorted.subarray(0, positives), negatives);
  return into;
}
