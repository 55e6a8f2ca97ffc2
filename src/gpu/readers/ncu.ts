import { fail } from '../../base/errors/fail.ts';
import { csvFields, printedNumber, wholeLines } from './csv.ts';

/** The measurements of Nsight Compute for one launch of one kernel. */
export interface NcuKernel {
  readonly id: string;
  readonly name: string;
  readonly device: string;
  readonly computeCapability: string;
  readonly gridBlocks: number;
  readonly blockThreads: number;
  /** Values by metric name (`details`: the label, `raw`: the metric); units are normalised: ns, byte, %, hz. */
  readonly metrics: ReadonlyMap<string, number>;
  readonly rules: readonly NcuRule[];
}

/** One rule of Nsight Compute that spoke. */
export interface NcuRule {
  readonly name: string;
  readonly type: string;
  readonly text: string;
  readonly speedUpType: string;
  readonly speedUpPercent: number;
}

/** How many bytes, nanoseconds, hertz a unit is. */
const unitFactor: Readonly<Record<string, number>> = {
  ns: 1,
  nsecond: 1,
  us: 1e3,
  usecond: 1e3,
  ms: 1e6,
  msecond: 1e6,
  s: 1e9,
  second: 1e9,
  byte: 1,
  kbyte: 1e3,
  mbyte: 1e6,
  gbyte: 1e9,
  hz: 1,
  khz: 1e3,
  mhz: 1e6,
  ghz: 1e9,
};

/**
 * Nsight Compute `--csv`, page `details` (a metric per row) or `raw` (a kernel per row, units in the second). Lines before the
 * header are skipped: application output, ==PROF==, ==WARNING==. One file may have many kernels, distinguished by ID.
 */
export function parseNcu(text: string): readonly NcuKernel[] {
  const lines = wholeLines(text);
  const start = lines.findIndex((line) => /^"?ID"?,"?Process ID"?,/.test(line));
  if (start < 0)
    throw fail('GPU_DAMAGED', { kind: 'Nsight Compute CSV', reason: 'it has no header with ID and Process ID' });
  const header = csvFields(lines[start] ?? '');
  const rows = lines
    .slice(start + 1)
    .filter((line) => line.startsWith('"') || /^\d*,/.test(line))
    .map((line) => csvFields(line));
  const details = header.includes('Metric Name');
  // The compute capability, 12.0, is written with a point in every locale.
  const values = rows.flatMap((row) => (details ? [row[header.indexOf('Metric Value')] ?? ''] : row.slice(11)));
  const comma = usesDecimalComma(values);
  return details ? detailKernels(header, rows, comma) : rawKernels(header, rows, comma);
}

/** Whether numbers are written `1.234,56`: some value can only be read so, and none only the other way. */
export function usesDecimalComma(values: readonly string[]): boolean {
  const comma = values.some((value) => /^\d{1,3}(\.\d{3})*,\d{1,2}$/.test(value) || /^\d+,\d{4,}$/.test(value));
  const point = values.some((value) => /^\d{1,3}(,\d{3})*\.\d{1,2}$/.test(value) || /^\d+\.\d{4,}$/.test(value));
  return comma && !point;
}

/** A kernel under construction. */
export interface NcuDraft {
  id: string;
  name: string;
  device: string;
  computeCapability: string;
  gridBlocks: number;
  blockThreads: number;
  metrics: Map<string, number>;
  rules: NcuRule[];
}

function detailKernels(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  comma: boolean,
): readonly NcuKernel[] {
  const kernels = new Map<string, NcuDraft>();
  const field = (row: readonly string[], name: string) => row[header.indexOf(name)] ?? '';
  for (const row of rows) {
    const id = field(row, 'ID');
    if (id === '') continue;
    const kernel = kernels.get(id) ?? ncuDraft(id, (name) => field(row, name));
    kernels.set(id, kernel);
    const metric = field(row, 'Metric Name');
    if (metric !== '') addMetric(kernel, metric, field(row, 'Metric Unit'), field(row, 'Metric Value'), comma);
    if (field(row, 'Rule Name') !== '') {
      kernel.rules.push({
        name: field(row, 'Rule Name'),
        type: field(row, 'Rule Type'),
        text: field(row, 'Rule Description'),
        speedUpType: field(row, 'Estimated Speedup Type'),
        speedUpPercent: printedNumber(field(row, 'Estimated Speedup'), comma),
      });
    }
  }
  return [...kernels.values()];
}

function rawKernels(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  comma: boolean,
): readonly NcuKernel[] {
  const units = rows[0] ?? [];
  const hasUnits = (units[0] ?? '') === '';
  return rows.slice(hasUnits ? 1 : 0).map((row) => {
    const kernel = ncuDraft(row[0] ?? '', (name) => row[header.indexOf(name)] ?? '');
    for (const [column, metric] of header.entries())
      addMetric(kernel, metric, hasUnits ? (units[column] ?? '') : '', row[column] ?? '', comma);
    return kernel;
  });
}

/** A kernel without metrics, by the columns of the CSV form. */
export function ncuDraft(id: string, field: (name: string) => string): NcuDraft {
  return {
    id,
    name: field('Kernel Name'),
    device: field('Device'),
    computeCapability: field('CC'),
    gridBlocks: product(field('Grid Size')),
    blockThreads: product(field('Block Size')),
    metrics: new Map(),
    rules: [],
  };
}

/** Adds a metric in its own unit; the first of a name counts. */
export function addMetric(kernel: NcuDraft, metric: string, unit: string, value: string, comma: boolean): void {
  const number = printedNumber(value, comma);
  if (Number.isNaN(number) || kernel.metrics.has(metric)) return;
  kernel.metrics.set(metric, number * (unitFactor[unit.toLowerCase().replace(/\/.*$/, '')] ?? 1));
}

/** `(152, 4, 1)` is 608. */
function product(text: string): number {
  const numbers = text.match(/\d+/g);
  return numbers === null ? Number.NaN : numbers.reduce((total, digits) => total * Number(digits), 1);
}
