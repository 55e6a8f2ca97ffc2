import type { OfflineValue } from '../../../ports/offline-store.ts';
import type { ColumnValues } from './staged-column.ts';

/** Different texts up to which a column is taken by them. */
const MOST_TEXTS = 4_096;

/** A text occurs this often in its column, on average, before looking each up costs less than passing it. */
const TIMES = 4;

/** Values between two pauses. */
const UNWATCHED = 2_048;

/**
 * The different values of a column that has few of them, each a text; null where they are too many, or are not texts that an ENUM
 * of DuckDB can have. Hot path: pauses between slices.
 */
export async function fewTexts(values: ColumnValues, pause: () => Promise<void>): Promise<readonly string[] | null> {
  const most = Math.min(MOST_TEXTS, values.length / TIMES);
  const known = new Set<OfflineValue>();
  const few: string[] = [];
  for (let i = 0; i < values.length; i += 1) {
    if (i % UNWATCHED === 0) await pause();
    const value = values[i];
    if (value === null || known.has(value)) continue;
    // To DuckDB a text ends where C's do.
    if (typeof value !== 'string' || !value.isWellFormed() || value.includes('\0')) return null;
    if (few.length >= most) return null;
    known.add(value);
    few.push(value);
  }
  return few.length === 0 ? null : few;
}
