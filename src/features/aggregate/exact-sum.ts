/**
 * An exact integer sum in two doubles, `hi · 2^32 + lo` with 0 <= lo < 2^32: no BigInt on the path of `int` values,
 * exact to ±2^84, equal sums have equal slots. Hot path.
 */
const WORD = 2 ** 32;
const WORD_BITS = 32n;

/** Adds a safe integer to the sum at `n`. */
export function addInt(nums: Float64Array, n: number, value: number): void {
  const high = Math.floor(value / WORD);
  addWords(nums, n, high, value - high * WORD);
}

/** Adds a bigint to the sum at `n`. */
export function addBigInt(nums: Float64Array, n: number, value: bigint): void {
  addWords(nums, n, Number(value >> WORD_BITS), Number(BigInt.asUintN(32, value)));
}

/** Adds the sum at `fn` of `from` to the one at `n`. */
export function addSum(nums: Float64Array, n: number, from: Float64Array, fn: number): void {
  addWords(nums, n, from[fn], from[fn + 1]);
}

/** Adds `high · 2^32 + low`; `low` may be the sum of up to 2^20 low words. */
function addWords(nums: Float64Array, n: number, high: number, low: number): void {
  const sum = nums[n + 1] + low;
  const carry = Math.floor(sum / WORD);
  nums[n + 1] = sum - carry * WORD;
  nums[n] += high + carry;
}

/** Carries what additions slot by slot, of up to 2^20 sums, left in the low word. */
export function carrySum(nums: Float64Array, n: number): void {
  addWords(nums, n, 0, 0);
}

/** The sum, exactly. */
export function sumToBigInt(nums: Float64Array, n: number): bigint {
  return (BigInt(nums[n]) << WORD_BITS) + BigInt(nums[n + 1]);
}

/** The double nearest to the sum: `hi · 2^32` is exact, the addition rounds once. */
export function sumToNumber(nums: Float64Array, n: number): number {
  return nums[n] * WORD + nums[n + 1];
}

/** Sets the sum. */
export function setSum(nums: Float64Array, n: number, value: bigint): void {
  nums[n] = 0;
  nums[n + 1] = 0;
  addBigInt(nums, n, value);
}

/** Whether the two slots can be a sum's. */
export function isSum(nums: Float64Array, n: number): boolean {
  const low = nums[n + 1];
  return Number.isSafeInteger(nums[n]) && Number.isInteger(low) && low >= 0 && low < WORD;
}
