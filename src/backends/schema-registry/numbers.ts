import { scaledToText } from '../../schema/decimal.ts';
import { ExactNumber } from '../../schema/json-exact.ts';

/** Unscaled digits of a decimal take at most this many bytes; beyond 60 digits no column holds it. */
export const MOST_DECIMAL_BYTES = 25;

/** Digits after the point that a decimal may have. */
export const MOST_SCALE = 60;

/** A 64-bit integer as parsed JSON has it: a number where a double holds it. */
export function integerOf(value: bigint): number | bigint {
  return BigInt.asIntN(54, value) === value && value !== -(2n ** 53n) ? Number(value) : value;
}

/** `unscaled · 10^-scale` as parsed JSON has it, exactly. */
export function decimalOf(unscaled: bigint, scale: number): number | bigint | ExactNumber {
  return scale === 0 ? integerOf(unscaled) : new ExactNumber(scaledToText(unscaled, scale));
}

/** The integer that bytes hold in two's complement, big-endian. */
export function bigEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return BigInt.asIntN(8 * bytes.byteLength, value);
}

/** Epoch milliseconds of ticks of which `perMilli` are a millisecond, rounded down. */
export function millisOf(ticks: number | bigint, perMilli: number): number | bigint {
  if (typeof ticks === 'number') return Math.floor(ticks / perMilli);
  const divisor = BigInt(perMilli);
  const whole = ticks / divisor;
  return integerOf(ticks % divisor < 0n ? whole - 1n : whole);
}
