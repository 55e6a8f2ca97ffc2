/** Bits of IEEE 754 binary16 as the numbers that they are; each is a float32. */
export function numbersOfHalfs(bits: Uint16Array): Float32Array<ArrayBuffer> {
  return Float32Array.from(bits, numberOfHalf);
}

/** Bits of bfloat16, the upper half of a float32, as the numbers that they are. */
export function numbersOfBrains(bits: Uint16Array): Float32Array<ArrayBuffer> {
  return new Float32Array(Uint32Array.from(bits, (half) => half * 2 ** 16).buffer);
}

function numberOfHalf(bits: number): number {
  const sign = bits >= 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
