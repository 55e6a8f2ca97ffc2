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

/** The sum, exactly. */
export function sumToBigInt(nums: Float64Array, n: number): bigint {
  return (BigInt(nums[n]) << WORD_BITS) + BigInt(nums[n + 1]);
}

/** The double nearest to the sum. */
export function sumToNumber(nums: Float64Array, n: number): number {
  const high = nums[n];
  if (high >= -0x200000 && high < 0x200000) return high * WORD + nums[n + 1];
  return Number(sumToBigInt(nums, n));
}

/** Sets the sum. */
export function setSum(nums: Float64Array, n: number, value: bigint): void {
  nums[n] = 0;
  nums[n + 1] = 0;
  addBigInt(nums, n, value);
}

function addWords(nums: Float64Array, n: number, high: number, low: number): void {
  const sum = nums[n + 1] + low;
  if (sum >= WORD) {
    nums[n + 1] = sum - WORD;
    nums[n] += high + 1;
  } else {
    nums[n + 1] = sum;
    nums[n] += high;
  }
}
