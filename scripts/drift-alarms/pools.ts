import { addNumbers, numberColumn, settleNumbers } from '../../src/monitoring/profile/add-numbers.ts';
import { type ColumnSketch, createColumnSketch } from '../../src/monitoring/profile/column-sketch.ts';
import { BINS, decileOf, FILLED, fillRows, KINDS, randomOf } from './stream.ts';

/** Windows of one size and dependence. */
export interface PoolId {
  readonly seed: number;
  readonly n: number;
  readonly rho: number;
}

/** The rows of one window; the same whenever it is made. */
export function windowRows({ seed, n, rho }: PoolId, index: number, shift: number): Float64Array {
  const rows = new Float64Array(n);
  fillRows(randomOf({ seed, kind: KINDS.windows, rho, n, index }), rho, rows);
  if (shift !== 0) for (let i = 0; i < n; i += 1) rows[i] += shift;
  return rows;
}

/** Counts of windows over the deciles, one after the other: for each shift of the same rows. */
export function countWindows(pool: PoolId, windows: number, shifts: readonly number[]): readonly Uint32Array[] {
  const counts = shifts.map(() => new Uint32Array(windows * FILLED));
  const rows = new Float64Array(pool.n);
  for (let w = 0; w < windows; w += 1) {
    fillRows(randomOf({ ...pool, kind: KINDS.windows, index: w }), pool.rho, rows);
    for (const [s, shift] of shifts.entries()) {
      const own = counts[s];
      const at = w * FILLED;
      for (let i = 0; i < rows.length; i += 1) own[at + decileOf(rows[i] + shift)] += 1;
    }
  }
  return counts;
}

const BATCH = 1024;

/** The profile of rows as serving makes it: in batches, over the reference's bins. */
export function sketchOf(rows: Float64Array, seed = 1): ColumnSketch {
  const sketch = createColumnSketch('number', BINS, seed);
  const column = numberColumn(sketch);
  for (let at = 0; at < rows.length; at += BATCH) addNumbers(column, rows, at, 1, Math.min(BATCH, rows.length - at));
  settleNumbers(column);
  return sketch;
}
