/**
 * An exact sum of squares in three doubles, `s2 · 2^80 + s1 · 2^40 + s0` with 0 <= s0, s1 < 2^40, equal sums in equal
 * slots. NaN in s2 says that an input was beyond the range that a DECIMAL(38,0) sum bears: no answer can be given.
 * No BigInt on the path of `int` values. Hot path.
 */
const LIMB = 2 ** 40;
const LIMB_BITS = 40n;
/** A third of a number: its squares and products lie within 2^40. */
const DIGIT = 2 ** 20;
const SMALL = 2 ** 26;

/** Squares are summed for |x| up to here (3·10^15: ten million of them stay within 38 digits). */
const LARGEST_SQUARED = 3e15;

/** Adds x² to the sum at `n`. */
export function addSquare(nums: Float64Array, n: number, x: number | bigint): void {
  if (x > LARGEST_SQUARED || x < -LARGEST_SQUARED) addLimbs(nums, n, Number.NaN, 0, 0);
  // Within ±3·10^15 a bigint is a double.
  else addSquareOf(nums, n, Math.abs(Number(x)));
}

function addSquareOf(nums: Float64Array, n: number, x: number): void {
  if (x <= SMALL) {
    addLimbs(nums, n, 0, 0, x * x);
    return;
  }
  // x = a·2^40 + b·2^20 + c, so x² = a²·2^80 + 2ab·2^60 + (2ac + b²)·2^40 + 2bc·2^20 + c².
  const a = Math.floor(x / LIMB);
  const b = Math.floor(x / DIGIT) - a * DIGIT;
  const c = x % DIGIT;
  const ab = 2 * a * b;
  const bc = 2 * b * c;
  const abHigh = Math.floor(ab / DIGIT);
  const bcHigh = Math.floor(bc / DIGIT);
  const middle = 2 * a * c + b * b + (ab - abHigh * DIGIT) * DIGIT + bcHigh;
  addLimbs(nums, n, a * a + abHigh, middle, c * c + (bc - bcHigh * DIGIT) * DIGIT);
}

/** Adds three limbs, each up to 2^52. */
export function addLimbs(nums: Float64Array, n: number, high: number, middle: number, low: number): void {
  if (Number.isNaN(nums[n] + high)) {
    setSquares(nums, n, null);
    return;
  }
  const l = nums[n + 2] + low;
  const carryLow = Math.floor(l / LIMB);
  const m = nums[n + 1] + middle + carryLow;
  const carryMiddle = Math.floor(m / LIMB);
  nums[n + 2] = l - carryLow * LIMB;
  nums[n + 1] = m - carryMiddle * LIMB;
  nums[n] += high + carryMiddle;
}

/** Carries what additions slot by slot, of up to 2^12 sums, left in the lower limbs. */
export function carrySquares(nums: Float64Array, n: number): void {
  addLimbs(nums, n, 0, 0, 0);
}

/** The sum; null where an input was out of range. */
export function squaresToBigInt(nums: Float64Array, n: number): bigint | null {
  if (Number.isNaN(nums[n])) return null;
  return (((BigInt(nums[n]) << LIMB_BITS) + BigInt(nums[n + 1])) << LIMB_BITS) + BigInt(nums[n + 2]);
}

/** The sum where it is a safe integer, else NaN. */
export function squaresToNumber(nums: Float64Array, n: number): number {
  const sum = nums[n] === 0 ? nums[n + 1] * LIMB + nums[n + 2] : Number.NaN;
  return sum <= Number.MAX_SAFE_INTEGER ? sum : Number.NaN;
}

/** Sets the sum; null: out of range. */
export function setSquares(nums: Float64Array, n: number, value: bigint | null): void {
  nums[n] = value === null ? Number.NaN : Number(value >> (2n * LIMB_BITS));
  nums[n + 1] = value === null ? 0 : Number(BigInt.asUintN(40, value >> LIMB_BITS));
  nums[n + 2] = value === null ? 0 : Number(BigInt.asUintN(40, value));
}

/** Whether the three slots can be a sum's. */
export function areSquares(nums: Float64Array, n: number): boolean {
  const high = nums[n];
  return (
    (Number.isNaN(high) || (Number.isSafeInteger(high) && high >= 0)) && isLimb(nums[n + 1]) && isLimb(nums[n + 2])
  );
}

function isLimb(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < LIMB;
}
