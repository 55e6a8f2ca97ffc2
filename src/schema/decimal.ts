/** A decimal number as integer digits and a power of ten: `digits · 10^-scale`, without trailing zeros. */
export interface DecimalParts {
  readonly digits: bigint;
  readonly scale: number;
}

export const INT64_MIN = -(2n ** 63n);
export const INT64_MAX = 2n ** 63n - 1n;

const NUMBER = /^(-?)(\d{1,60})(?:\.(\d{1,60}))?(?:[eE]([+-]?\d{1,3}))?$/;

/** The parts of a JSON number's text; null for other texts and for more than 60 digits or a power beyond ±60. */
export function parseDecimal(text: string): DecimalParts | null {
  const match = NUMBER.exec(text);
  if (match === null) return null;
  const [, sign, whole, fraction = '', exponent = '0'] = match;
  const shift = Number(exponent) - fraction.length;
  if (Math.abs(shift) > 60) return null;
  let digits = BigInt(`${whole}${fraction}`);
  if (sign === '-') digits = -digits;
  if (shift >= 0) return { digits: digits * 10n ** BigInt(shift), scale: 0 };
  let scale = -shift;
  while (scale > 0 && digits % 10n === 0n) {
    digits /= 10n;
    scale -= 1;
  }
  return { digits, scale };
}

/** `value · 10^scale` of a decimal text, exactly; null if the text is no number, has more digits after the point, or passes int64. */
export function scaledFromText(text: string, scale: number): bigint | null {
  const parts = parseDecimal(text);
  if (parts === null || parts.scale > scale) return null;
  const scaled = parts.digits * 10n ** BigInt(scale - parts.scale);
  return scaled >= INT64_MIN && scaled <= INT64_MAX ? scaled : null;
}

/** Decimals of up to 15 digits are different doubles. */
const UNIQUE_INTEGER = 1e15;

/**
 * `value · 10^scale` of a double that stands for a decimal of at most `scale` digits after the point; null for any other
 * double. The nearest integer r is the answer if r / 10^scale is the same double. Beyond 15 digits several decimals are one
 * double, and the product may be one off: there the shortest text of the double decides.
 */
export function scaledFromNumber(value: number, scale: number): bigint | null {
  const power = 10 ** scale;
  const rounded = Math.round(value * power);
  if (Math.abs(rounded) <= UNIQUE_INTEGER) return rounded / power === value ? BigInt(rounded) : null;
  return scaledFromText(String(value), scale);
}

/** The decimal text of `scaled · 10^-scale`, with all its digits after the point: 150 at scale 2 is `1.50`. */
export function scaledToText(scaled: bigint, scale: number): string {
  if (scale === 0) return String(scaled);
  const negative = scaled < 0n;
  const digits = String(negative ? -scaled : scaled).padStart(scale + 1, '0');
  const point = digits.length - scale;
  return `${negative ? '-' : ''}${digits.slice(0, point)}.${digits.slice(point)}`;
}
