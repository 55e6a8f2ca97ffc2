import { medianInPlace } from '../../base/median.ts';

/** The mean of the values that are numbers; NaN of none. */
export function meanOf(values: readonly number[]): number {
  const known = values.filter((value) => !Number.isNaN(value));
  return known.length === 0 ? Number.NaN : known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** The greatest of the values that are numbers; NaN of none. */
export function greatestOf(values: readonly number[]): number {
  return values.reduce((most, value) => (value > most || Number.isNaN(most) ? value : most), Number.NaN);
}

/** The middle one of the values that are numbers, or the mean of the two middle ones; NaN of none. */
export function medianOf(values: ArrayLike<number>): number {
  return medianInPlace(Float64Array.from(values).filter((value) => !Number.isNaN(value)));
}

/** The value at a share of sorted values, nearest rank; NaN of none. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted.length === 0
    ? Number.NaN
    : sorted[Math.min(Math.max(Math.ceil(share * sorted.length) - 1, 0), sorted.length - 1)];
}
