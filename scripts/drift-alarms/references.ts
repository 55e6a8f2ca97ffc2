import {
  addBlock,
  type BlockSpread,
  breakBlocks,
  createBlockCounter,
  leastBlock,
  spreadsOf,
} from '../../src/monitoring/detect/block-spread.ts';
import { countReference, type Reference } from '../../src/monitoring/monitor/reference.ts';
import { createColumnSketch } from '../../src/monitoring/profile/column-sketch.ts';
import { createProfile } from '../../src/monitoring/profile/profile.ts';
import type { ColumnValues, TableFile } from '../../src/ports/table-file.ts';
import { BINS, decileOf, FILLED, fillRows, KINDS, randomOf } from './stream.ts';

/** Hours of a training set: four weeks, that end with a weekend. */
const HOURS = 672;
/** Rows of an hour: 99,456 in all. */
const ROWS_AN_HOUR = 148;
export const REFERENCE_ROWS = HOURS * ROWS_AN_HOUR;
const CHUNKS = 10;
const LEAST_BLOCKS = 8;

export interface ReferenceId {
  readonly seed: number;
  readonly rho: number;
  /** Shift at weekends, in standard deviations. */
  readonly season: number;
  readonly index: number;
}

/** Whether an hour is of a weekend; the reference begins on a Monday, and so do the windows after it. */
export function isWeekend(hour: number): boolean {
  return Math.floor(hour / 24) % 7 >= 5;
}

/** The rows of one feature of a training set. */
export function referenceRows({ seed, rho, season, index }: ReferenceId): Float64Array {
  const rows = new Float64Array(REFERENCE_ROWS);
  fillRows(randomOf({ seed, kind: KINDS.references, rho, n: ROWS_AN_HOUR, index }), rho, rows);
  if (season !== 0)
    for (let i = 0; i < rows.length; i += 1) if (isWeekend(Math.floor(i / ROWS_AN_HOUR))) rows[i] += season;
  return rows;
}

/** The counts of a feature's reference, by chunk, and its spreads: what decides its limit. */
export interface ReferenceCounts {
  readonly chunks: readonly Float64Array[];
  readonly spreads: readonly BlockSpread[];
}

function wholeOf(rows: Float64Array): Float64Array {
  const counts = new Float64Array(FILLED + 1);
  for (const row of rows) counts[decileOf(row)] += 1;
  return counts;
}

/** The short path: the counts and spreads that `countReference` finds, without sketches. */
export function countRows(rows: Float64Array): ReferenceCounts {
  const size = Math.ceil(rows.length / CHUNKS);
  const whole = wholeOf(rows);
  const step = leastBlock(size);
  const counter = createBlockCounter(whole, step);
  const block = new Float64Array(FILLED + 1);
  const chunks: Float64Array[] = [];
  for (let from = 0; from < rows.length; from += size) {
    const chunk = new Float64Array(FILLED + 1);
    const end = Math.min(rows.length, from + size);
    breakBlocks(counter);
    for (let at = from; at < end; at += step) {
      block.fill(0);
      const to = Math.min(end, at + step);
      for (let i = at; i < to; i += 1) block[decileOf(rows[i])] += 1;
      for (let b = 0; b < FILLED; b += 1) chunk[b] += block[b];
      if (to - at === step) addBlock(counter, block);
    }
    chunks.push(chunk);
  }
  return { chunks, spreads: spreadsOf(counter, LEAST_BLOCKS) };
}

/** The full path: what a training registers, over the population's deciles. */
export function fullReference(rows: Float64Array, name: string): Promise<Reference> {
  return countReference(tableOf(rows, name), new Map([[name, { bins: BINS, whole: wholeOf(rows) }]]), {
    time: null,
    createdAt: 0,
  });
}

export function tableOf(rows: Float64Array, name: string): TableFile {
  return {
    path: name,
    rows: rows.length,
    columns: [{ name, type: 'number', declared: 'DOUBLE' }],
    column: () => Promise.resolve(rows),
    batches: async function* (): AsyncIterable<readonly ColumnValues[]> {
      for (let at = 0; at < rows.length; at += 2048) yield [rows.subarray(at, at + 2048)];
    },
    vectors: () => Promise.resolve({ missing: 0, sample: [] }),
    missingTogether: () => Promise.resolve(0),
    close: () => Promise.resolve(),
  };
}

/** A reference of counts alone, for the limit. */
export function bareReference({ chunks, spreads }: ReferenceCounts, name: string): Reference {
  const profiles = chunks.map((counts) => {
    const profile = createProfile();
    profile.rows = counts.reduce((sum, count) => sum + count, 0);
    const sketch = createColumnSketch('number', BINS);
    sketch.rows = profile.rows;
    sketch.counts?.set(counts);
    profile.columns.set(name, sketch);
    return profile;
  });
  return { createdAt: 0, chunks: profiles, spreads: new Map([[name, spreads]]) };
}
