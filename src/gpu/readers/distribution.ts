import type { DistributionRow, VariationRow } from '../source.ts';
import { csvRows } from './csv.ts';

/** Columns source, metric, percentile, value: the values of equal steps of percentiles, in the order of the file. */
export function parseDistributions(text: string): readonly DistributionRow[] {
  const { header, rows } = csvRows(text);
  const column = (name: string) => header.indexOf(name);
  const found = new Map<string, { source: string; metric: string; values: number[] }>();
  for (const row of rows) {
    const source = row[0] ?? '';
    const metric = row[column('metric')] ?? '';
    const value = Number(row[column('value')]);
    if (!Number.isFinite(value)) continue;
    const key = `${source}/${metric}`;
    const one = found.get(key) ?? { source, metric, values: [] };
    one.values.push(value);
    found.set(key, one);
  }
  return [...found.values()];
}

/** A row a job, a column an iteration; empty cells after the last iteration. */
export function parseVariations(text: string): readonly VariationRow[] {
  return csvRows(text).rows.map((row) => ({
    job: row[0] ?? '',
    values: row
      .slice(1)
      .filter((cell) => cell.trim() !== '')
      .map(Number)
      .filter((value) => Number.isFinite(value)),
  }));
}
