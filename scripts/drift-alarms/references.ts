import {
  addBlock,
  type BlockSpread,
  breakBlocks,
  createBlockCounter,
  leastBlock,
  spreadsOf,
} from '../../src/monitoring/detect/block-spread.ts';
import type { SeasonalCounts } from '../../src/monitoring/detect/seasonal-counts.ts';
import { countReference, type Reference } from '../../src/monitoring/monitor/reference.ts';
import { SeasonalBuilder } from '../../src/monitoring/monitor/seasonal-builder.ts';
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
const HOUR_MS = 3_600_000;
/** A Monday. */
const BEGIN = 4 * 24 * HOUR_MS;
const TIME = 'at';
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

/** The instant of an hour of the quarter, epoch ms: the training set ends where it begins. */
export function instantOf(hour: number): number {
  return BEGIN + (HOURS + hour) * HOUR_MS;
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
  /** By hour of the week, where there is a season; else null. */
  readonly seasonal: SeasonalCounts | null;
}

function wholeOf(rows: Float64Array): Float64Array {
  const counts = new Float64Array(FILLED + 1);
  for (const row of rows) counts[decileOf(row)] += 1;
  return counts;
}

/** The short path: the counts and spreads that `countReference` finds, without sketches. */
export function countRows(rows: Float64Array, season = 0): ReferenceCounts {
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
  return { chunks, spreads: spreadsOf(counter, LEAST_BLOCKS), seasonal: season === 0 ? null : hoursOf(rows) };
}

function hoursOf(rows: Float64Array): SeasonalCounts | null {
  const builder = new SeasonalBuilder([{ name: 'f0', type: 'number', bins: BINS }]);
  const [times, size] = [timesOf(rows.length), Math.ceil(rows.length / CHUNKS)];
  for (let chunk = 0; chunk < CHUNKS; chunk += 1)
    builder.add(chunk, times, [rows], { from: chunk * size, to: Math.min(rows.length, (chunk + 1) * size) });
  return builder.finish();
}

function timesOf(count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => instantOf(Math.floor(i / ROWS_AN_HOUR) - HOURS));
}

/** The full path: what a training registers, over the population's deciles; with counts by hour where there is a season. */
export function fullReference(rows: Float64Array, name: string, season = 0): Promise<Reference> {
  return countReference(tableOf(rows, name), new Map([[name, { bins: BINS, whole: wholeOf(rows) }]]), {
    time: season === 0 ? null : TIME,
    createdAt: 0,
  });
}

export function tableOf(rows: Float64Array, name: string): TableFile {
  const times = timesOf(rows.length);
  return {
    path: name,
    rows: rows.length,
    columns: [{ name, type: 'number', declared: 'DOUBLE' }],
    column: () => Promise.resolve(rows),
    batches: async function* (names): AsyncIterable<readonly ColumnValues[]> {
      for (let at = 0; at < rows.length; at += 2048)
        yield names.map((column) => (column === TIME ? times : rows).subarray(at, at + 2048));
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
