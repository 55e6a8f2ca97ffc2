import { isFloatType, type NumberType, WHOLE_RANGES } from '../../src/model/number-type.ts';
import { scaledToText } from '../../src/schema/decimal.ts';

/** The value of a cell: missing, a double, or `digits · 10^-scale`. */
export type ExactCell = null | number | { readonly digits: bigint; readonly scale: number };

/** The number of a cell in a tensor, by exact arithmetic and the reading of texts alone; null: it does not fit. */
export function wanted(cell: ExactCell, type: NumberType): number | bigint | null {
  if (isFloatType(type)) {
    const double = doubleOf(cell);
    if (type === 'FP64') return double;
    const single = Math.fround(double);
    return Number.isFinite(double) && !Number.isFinite(single) ? null : single;
  }
  const whole = wholeOf(cell);
  const [least, greatest] = WHOLE_RANGES[type];
  if (whole === null || whole < least || whole > greatest) return null;
  return type === 'INT64' || type === 'UINT64' ? whole : Number(whole);
}

function doubleOf(cell: ExactCell): number {
  if (cell === null) return Number.NaN;
  return typeof cell === 'number' ? cell : Number(scaledToText(cell.digits, cell.scale));
}

function wholeOf(cell: ExactCell): bigint | null {
  if (cell === null) return null;
  if (typeof cell === 'number') return Number.isInteger(cell) ? BigInt(cell) : null;
  const unit = 10n ** BigInt(cell.scale);
  return cell.digits % unit === 0n ? cell.digits / unit : null;
}

/** Numbers where a rounding, a cut or a range ends. */
export const EDGE_DOUBLES: readonly number[] = [
  ...[0, -0, 1, -1, 0.5, 1.5, 2.5, -2.5, 0.1, 12.09, 55_968_378.41, 127, 128, 255, 256, 32_768, 65_536],
  ...[2 ** 24 - 1, 2 ** 24, 2 ** 24 + 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 53 - 1, 2 ** 53, -(2 ** 53), 2 ** 63],
  ...[-(2 ** 63), 2 ** 64, 1_700_000_000.5, 1_700_000_063, 1e300, -1e300, 1e-300, 5e-324, 1e-45, 1.2e-38],
  ...[3.4028234663852886e38, 3.4028235677973362e38, 3.4028235677973366e38, -3.5e38, Number.NaN],
  ...[Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
];

/** Whole numbers beyond doubles. */
export const EDGE_WHOLES: readonly bigint[] = [
  ...[0n, 1n, -1n, 2n ** 24n + 1n, -(2n ** 24n) - 1n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 62n + 2n ** 38n + 1n],
  ...[2n ** 63n - 1n, -(2n ** 63n), 2n ** 63n, 2n ** 64n - 1n, 2n ** 64n, 10n ** 30n + 1n],
];
