import { printedNumber, wholeLines } from './csv.ts';
import { parseTable } from './table.ts';

/** Launches of one kernel, as `nsys stats` sums them. Nanoseconds. */
export interface KernelSumRow {
  readonly name: string;
  readonly totalNs: number;
  readonly instances: number;
  readonly medianNs: number;
}

/** Tables of `nsys stats`: name of the report and rows by column name. */
export interface StatsTable {
  readonly report: string;
  readonly rows: readonly ReadonlyMap<string, string>[];
}

/** `nsys stats --report cuda_gpu_kern_sum --format csv`; lines before the header are left out. */
export function parseKernelSums(text: string): readonly KernelSumRow[] {
  const lines = wholeLines(text);
  const start = lines.findIndex((line) => line.startsWith('Time (%)') || line.startsWith('"Time (%)"'));
  if (start < 0) return [];
  const needs = ['Name', 'Total Time (ns)', 'Instances'];
  const { header, rows } = parseTable(`${lines.slice(start).join('\n')}\n`, { kind: 'sums of kernels', needs });
  return rows.filter(({ fields }) => fields.length >= header.length).map((row) => kernelRow((name) => row.text(name)));
}

/** The tables of the text that `nsys profile --stats=true` prints. */
export function parseStatsText(text: string): readonly StatsTable[] {
  const tables: StatsTable[] = [];
  const lines = wholeLines(text);
  let report = '';
  for (const [at, line] of lines.entries()) {
    report = /Executing '(\w+)' stats report/.exec(line)?.[1] ?? report;
    const rule = lines[at + 1] ?? '';
    if (!/^\s*-+(\s+-+)+\s*$/.test(rule) || report === '') continue;
    const columns = [...rule.matchAll(/-+/g)].map(({ index, 0: dashes }) => [index, index + dashes.length] as const);
    const cut = (row: string) =>
      columns.map(([from, to], column) =>
        row.slice(column === 0 ? 0 : from, column === columns.length - 1 ? undefined : to).trim(),
      );
    const header = cut(line);
    const rows: ReadonlyMap<string, string>[] = [];
    for (let next = at + 2; next < lines.length && (lines[next] ?? '').trim() !== ''; next += 1)
      rows.push(new Map(cut(lines[next] ?? '').map((value, column) => [header[column] ?? '', value])));
    tables.push({ report, rows });
  }
  return tables;
}

/** The kernels of a text report. */
export function kernelRowsOf(tables: readonly StatsTable[]): readonly KernelSumRow[] {
  const table = tables.find(({ report }) => /gpu_?kern_?sum/.test(report));
  return (table?.rows ?? []).map((row) => kernelRow((name) => row.get(name)));
}

function kernelRow(field: (name: string) => string | undefined): KernelSumRow {
  return {
    name: field('Name') ?? '',
    totalNs: printedNumber(field('Total Time (ns)')),
    instances: printedNumber(field('Instances')),
    medianNs: printedNumber(field('Med (ns)')),
  };
}
