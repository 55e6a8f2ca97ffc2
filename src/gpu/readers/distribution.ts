import type { DistributionRow, VariationRow } from '../source.ts';
import { plainNumber } from './csv.ts';
import { parseTable } from './table.ts';

/** Columns source, metric, percentile, value: the values of equal steps of percentiles, in the order of the file. */
export function parseDistributions(text: string): readonly DistributionRow[] {
  const { rows } = parseTable(text, { kind: 'table of percentiles', needs: ['metric', 'value'] });
  const found = new Map<string, { source: string; metric: string; values: number[] }>();
  for (const row of rows) {
    const source = row.fields[0] ?? '';
    const metric = row.text('metric') ?? '';
    const value = row.number('value');
    if (Number.isNaN(value)) continue;
    const key = `${source}/${metric}`;
    const one = found.get(key) ?? { source, metric, values: [] };
    one.values.push(value);
    found.set(key, one);
  }
  return [...found.values()];
}

/** A row a job, a column an iteration; empty cells after the last iteration. */
export function parseVariations(text: string): readonly VariationRow[] {
  return parseTable(text, { kind: 'table of variation' }).rows.map(({ fields }) => ({
    job: fields[0] ?? '',
    values: fields
      .slice(1)
      .map(plainNumber)
      .filter((value) => !Number.isNaN(value)),
  }));
}
