/**
 * An exact sum of squares in three doubles, `s2 · 2^80 + s1 · 2^40 + s0` with 0 <= s0, s1 < 2^40. NaN in s2 says that an
 * input was beyond the range that a DECIMAL(38,0) sum bears: no answer can be given. Hot path for |x| <= 2^26.
 */
const LIMB = 2 ** 40;
const LIMB_BITS = 40n;
const SMALL = 2 ** 26;

/** Squares are summed for |x| up to here (3·10^15: ten million of them stay within 38 digits). */
export const LARGEST_SQUARED = 3e15;

/** Adds x² to the sum at `n`. */
export function addSquare(nums: Float64Array, n: number, x: number | bigint): void {
  if (typeof x === 'number' && x <= SMALL && x >= -SMALL) {
    const square = x * x;
    const high = Math.floor(square / LIMB);
    addLimbs(nums, n, 0, high, square - high * LIMB);
  } else if (x > LARGEST_SQUARED || x < -LARGEST_SQUARED) nums[n] = Number.NaN;
  else addBig(nums, n, BigInt(x) * BigInt(x));
}

/** Adds the sum at `fn` of `from` to the one at `n`. */
export function addSquares(nums: Float64Array, n: number, from: Float64Array, fn: number): void {
  addLimbs(nums, n, from[fn], from[fn + 1], from[fn + 2]);
}

/** The sum; null where an input was out of range. */
export function squaresToBigInt(nums: Float64Array, n: number): bigint | null {
  if (Number.isNaN(nums[n])) return null;
  return (((BigInt(nums[n]) << LIMB_BITS) + BigInt(nums[n + 1])) << LIMB_BITS) + BigInt(nums[n + 2]);
}

/** Sets the sum; null: out of range. */
export function setSquares(nums: Float64Array, n: number, value: bigint | null): void {
  nums[n] = value === null ? Number.NaN : 0;
  nums[n + 1] = 0;
  nums[n + 2] = 0;
  if (value !== null) addBig(nums, n, value);
}

function addBig(nums: Float64Array, n: number, value: bigint): void {
  const low = Number(BigInt.asUintN(40, value));
  const middle = Number(BigInt.asUintN(40, value >> LIMB_BITS));
  addLimbs(nums, n, Number(value >> (2n * LIMB_BITS)), middle, low);
}

function addLimbs(nums: Float64Array, n: number, high: number, middle: number, low: number): void {
  let l = nums[n + 2] + low;
  let m = nums[n + 1] + middle;
  let h = nums[n] + high;
  if (l >= LIMB) {
    l -= LIMB;
    m += 1;
  }
  if (m >= LIMB) {
    m -= LIMB;
    h += 1;
  }
  nums[n + 2] = l;
  nums[n + 1] = m;
  nums[n] = h;
}
