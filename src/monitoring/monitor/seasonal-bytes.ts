import { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { fail } from '../../base/errors/fail.ts';
import {
  HOURS_OF_WEEK,
  type SeasonalCell,
  type SeasonalColumn,
  type SeasonalCounts,
} from '../detect/seasonal-counts.ts';

/**
 * Counts by hour, a section of a reference:
 *
 * ```
 * seasonal = int(from) int(to) varint(cells) *(varint(chunk) varint(hour) varint(rows)) varint(columns) *column
 * column   = text(name) varint(width) *varint(count, cell by cell) u8(0) / u8(1) *(varint(numbers) [f64(mean) f64(squares)])
 * ```
 *
 * Moments are there for each hour of the week, without a mean and squares where it has no number.
 */
export function encodeSeasonal({ from, to, cells, columns }: SeasonalCounts): Uint8Array {
  const out = new ByteWriter(1 << 16);
  out.int(from);
  out.int(to);
  out.varint(cells.length);
  for (const { chunk, hour, rows } of cells) for (const number of [chunk, hour, rows]) out.varint(number);
  out.varint(columns.size);
  for (const [name, { width, counts, moments }] of columns) {
    out.text(name);
    out.varint(width);
    for (const count of counts) out.varint(count);
    out.u8(moments === null ? 0 : 1);
    for (let hour = 0; moments !== null && hour < HOURS_OF_WEEK; hour += 1) {
      out.varint(moments[3 * hour]);
      if (moments[3 * hour] === 0) continue;
      out.f64(moments[3 * hour + 1]);
      out.f64(moments[3 * hour + 2]);
    }
  }
  return out.finish();
}

/** Errors: DRIFT_PROFILE, BYTES_DAMAGED. */
export function decodeSeasonal(bytes: Uint8Array): SeasonalCounts {
  const reader = new ByteReader('the hours of a reference', bytes);
  const [from, to] = [reader.int(), reader.int()];
  const size = bound(reader.varint(), 1_000 * HOURS_OF_WEEK, 'cells');
  const cells: SeasonalCell[] = [];
  for (let i = 0; i < size; i += 1) {
    const [chunk, hour, rows] = [reader.varint(), reader.varint(), reader.varint()];
    if (hour >= HOURS_OF_WEEK) throw refused(`hour ${hour} of the week`);
    cells.push({ chunk, hour, rows });
  }
  const columns = new Map<string, SeasonalColumn>();
  for (let left = bound(reader.varint(), 1e5, 'columns'); left > 0; left -= 1) {
    const name = reader.text();
    columns.set(name, readColumn(reader, cells, name));
  }
  reader.end();
  return { from, to, cells, columns };
}

function readColumn(reader: ByteReader, cells: readonly SeasonalCell[], name: string): SeasonalColumn {
  const width = bound(reader.varint(), 1_000, 'bins');
  const counts = new Float64Array(cells.length * width);
  cells.forEach(({ rows }, cell) => {
    let sum = 0;
    for (let bin = 0; bin < width; bin += 1) {
      counts[cell * width + bin] = reader.varint();
      sum += counts[cell * width + bin];
    }
    if (sum !== rows) throw refused(`the bins of "${name}" do not count the rows of an hour`);
  });
  return { width, counts, moments: reader.u8() === 0 ? null : readMoments(reader) };
}

function readMoments(reader: ByteReader): Float64Array {
  const moments = new Float64Array(3 * HOURS_OF_WEEK);
  for (let hour = 0; hour < HOURS_OF_WEEK; hour += 1) {
    moments[3 * hour] = reader.varint();
    if (moments[3 * hour] === 0) continue;
    const [mean, squares] = [reader.f64(), reader.f64()];
    if (!Number.isFinite(mean) || !(squares >= 0)) throw refused('a mean or a spread is no number');
    moments.set([mean, squares], 3 * hour + 1);
  }
  return moments;
}

function bound(count: number, most: number, what: string): number {
  if (count > most) throw refused(`${count} ${what}`);
  return count;
}

function refused(reason: string): Error {
  return fail('DRIFT_PROFILE', { reason: `its counts by hour: ${reason}` });
}
