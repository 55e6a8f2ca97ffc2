/** From this many numbers on, sorting by digits is faster than by comparisons. */
const BY_DIGITS = 4096;
const BITS = 11;
const DIGITS = 1 << BITS;
const MASK = DIGITS - 1;
const PASSES = Math.ceil(64 / BITS);

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
  const counts = digitCounts(finite);
  for (let pass = 0; pass < PASSES; pass += 1) {
    const shift = pass * BITS;
    const halves = halvesOf(source);
    const starts = counts.subarray(pass * DIGITS, (pass + 1) * DIGITS);
    if (starts[digitOf(halves[0], halves[1], shift)] === n) continue;
    makeStarts(starts);
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
  if (shift >= 32) return (high >>> (shift - 32)) & MASK;
  if (shift + BITS <= 32) return (low >>> shift) & MASK;
  return ((low >>> shift) | (high << (32 - shift))) & MASK;
}

/** Low and high half of each number. */
function halvesOf(numbers: Float64Array): Uint32Array {
  return new Uint32Array(numbers.buffer, numbers.byteOffset, 2 * numbers.length);
}

/** How many numbers have each digit, by pass: one look at the numbers counts for all passes, since sorting changes no count. */
function digitCounts(numbers: Float64Array): Uint32Array {
  const counts = new Uint32Array(PASSES * DIGITS);
  const halves = halvesOf(numbers);
  for (let i = 0; i < halves.length; i += 2) {
    const low = halves[i];
    const high = halves[i + 1];
    // As digitOf has them, pass by pass: a loop takes twice as long.
    counts[low & MASK] += 1;
    counts[DIGITS + ((low >>> 11) & MASK)] += 1;
    counts[2 * DIGITS + (((low >>> 22) | (high << 10)) & MASK)] += 1;
    counts[3 * DIGITS + ((high >>> 1) & MASK)] += 1;
    counts[4 * DIGITS + ((high >>> 12) & MASK)] += 1;
    counts[5 * DIGITS + (high >>> 23)] += 1;
  }
  return counts;
}

/** Puts the place where the numbers of each digit begin in the place of their count. */
function makeStarts(counts: Uint32Array): void {
  let before = 0;
  for (let digit = 0; digit < DIGITS; digit += 1) {
    const own = counts[digit];
    counts[digit] = before;
    before += own;
  }
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
