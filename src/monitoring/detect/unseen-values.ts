import type { ColumnValues } from '../../ports/table-file.ts';
import { normalSf } from '../../stats/distributions/normal.ts';
import type { ColumnSide } from './column-side.ts';

/** Counts of the reference and of the current side. The last is of missing values, the previous one of values without a bin. */
export type SideCounts = readonly [Float64Array, Float64Array];

/** The rows of values that one side has and the other does not. */
export interface UnseenValues {
  /**
   * Rows of the reference that stand for unseen values: those of values that came once (Good 1953). They are no larger a share than those
   * that were found: rows that are in both sides leave less unseen, which is no drift.
   */
  readonly expected: number;
  readonly found: number;
  /** How far the share is above the expected one, in standard errors, and P of it without drift. */
  readonly z: number;
  readonly p: number;
}

/** Unseen values of a column with many; null where a side does not know all of its values. */
export function unseenValues(reference: ColumnSide, current: ColumnSide): UnseenValues | null {
  if (reference.values === null || current.values === null || reference.offset + current.offset > 0) return null;
  const n = reference.rows - reference.missing;
  const m = current.rows - current.missing;
  if (n === 0 || m === 0) return null;
  let [once, twice] = [0, 0];
  for (const count of reference.values.values()) {
    if (count === 1) once += 1;
    else if (count === 2) twice += 1;
  }
  let [found, squares] = [0, 0];
  for (const [value, count] of current.values) {
    if (reference.values.has(value)) continue;
    found += count;
    squares += count * count;
  }
  // Rows of one unseen value come together: their squares count. The variance of the expected share is Good's.
  const variance = (once + 2 * twice) / (n * n) + squares / (m * m);
  const z = variance === 0 ? 0 : Math.max(0, found / m - once / n) / Math.sqrt(variance);
  return { expected: Math.min(once, (found / m) * n), found, z, p: Math.min(1, 2 * normalSf(z)) };
}

function apart(counts: Float64Array, unseen: number): Float64Array {
  const missing = counts[counts.length - 1];
  const rest = counts[counts.length - 2];
  const own = Math.min(unseen, rest);
  return Float64Array.from([...counts.subarray(0, -2), rest - own, own, missing]);
}

/** Counts in which unseen values have their own bin, taken from that of values without one; as they are where none are known. */
export function withUnseen(
  [reference, current]: SideCounts,
  unseen: Pick<UnseenValues, 'expected' | 'found'> | null,
): SideCounts {
  return unseen === null ? [reference, current] : [apart(reference, unseen.expected), apart(current, unseen.found)];
}

/** For each chunk of a reference: the rows of values that no other chunk has, and those that come once in the others. */
export function unseenOfChunks(
  values: ColumnValues,
  chunks: number,
  size: number,
): readonly Pick<UnseenValues, 'expected' | 'found'>[] {
  const places = new Map<string | number, Uint32Array>();
  for (let i = 0; i < chunks * size; i += 1) {
    const value = values[i];
    if (value === null || Number.isNaN(value)) continue;
    const known = places.get(value);
    const counts = known ?? new Uint32Array(chunks);
    if (known === undefined) places.set(value, counts);
    counts[Math.floor(i / size)] += 1;
  }
  const found = Array.from({ length: chunks }, () => ({ expected: 0, found: 0 }));
  for (const counts of places.values()) {
    const all = counts.reduce((sum, count) => sum + count, 0);
    counts.forEach((count, c) => {
      if (count === all) found[c].found += count;
      if (all - count === 1) found[c].expected += 1;
    });
  }
  return found.map((one) => ({ ...one, expected: Math.min(one.expected, one.found * (chunks - 1)) }));
}
