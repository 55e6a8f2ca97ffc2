import { rowsByThread } from '../../src/gpu/analysis/frames.ts';
import { joinLaunches } from '../../src/gpu/analysis/launches.ts';
import { innermostOperators } from '../../src/gpu/analysis/operators/innermost-operators.ts';
import { bandwidths } from '../../src/gpu/join/ranks.ts';
import { csvFields } from '../../src/gpu/readers/csv.ts';
import { traceLensCategories, traceLensNumbers } from '../../src/gpu/scopes/trace-lens.ts';
import type { Trace } from '../../src/gpu/trace/trace.ts';
import { sharedNames, sharedText, sharedTrace } from '../../test/gpu/shared-data.ts';
import { numberRow, type ParityRow } from './parity-row.ts';
import { rawFlowIds, rawSpans, spanText } from './raw-events.ts';

/** All that TraceLens's reports and ours both tell. */
export async function traceLensRows(): Promise<readonly ParityRow[]> {
  return [
    ...(await timelineRows()),
    ...(await traceLensKernelRows()),
    ...(await categoryRows()),
    ...(await shortKernelRows()),
    ...traceLensBandwidthRows(),
  ];
}

/** Calls and time of operators that launch, by category. */
async function categoryRows(): Promise<readonly ParityRow[]> {
  const rows: ParityRow[] = [];
  const ending = '.ops_summary_by_category.csv';
  for (const label of sharedNames('labels/tracelens').filter((name) => name.endsWith(ending))) {
    const file = label.replace(ending, '');
    const ours = new Map(traceLensCategories(await sharedTrace(file)).map((sum) => [sum.category, sum]));
    for (const line of sharedText(`labels/tracelens/${label}`).trim().split('\n').slice(1)) {
      const [category = '', calls = '', milliseconds = ''] = line.split(',');
      const own = ours.get(category);
      rows.push(numberRow('TraceLens', file, `operators ${category}: calls`, Number(calls), own?.calls ?? null, 0, ''));
      rows.push(
        numberRow(
          'TraceLens',
          file,
          `operators ${category}: us`,
          Number(milliseconds) * 1000,
          own?.us ?? null,
          0.5,
          '',
        ),
      );
    }
  }
  return rows;
}

/** Kernels of less than 10 µs by operator and shapes; rows that differ in strides or values only are added up. */
async function shortKernelRows(): Promise<readonly ParityRow[]> {
  const rows: ParityRow[] = [];
  const ending = '.short_kernels_summary.csv';
  for (const label of sharedNames('labels/tracelens').filter((name) => name.endsWith(ending))) {
    const file = label.replace(ending, '');
    const key = (operator: string, shapes: string, kernel: string) =>
      JSON.stringify([
        operator,
        shapes
          .replaceAll(/[\s)(\][]/g, ' ')
          .replaceAll(/[\s,]+/g, ' ')
          .trim(),
        kernel,
      ]);
    const ours = new Map(
      traceLensShortKernels(await sharedTrace(file)).map((one) => [key(one.operator, one.shapes, one.kernel), one]),
    );
    const [header = '', ...lines] = sharedText(`labels/tracelens/${label}`).trim().split('\n');
    const columns = csvFields(header);
    const told = new Map<string, { readonly what: string; readonly us: number; readonly calls: number }>();
    for (const line of lines) {
      const fields = csvFields(line);
      const at = (name: string) => fields[columns.indexOf(name)] ?? '';
      const id = key(at('Parent cpu_op'), at('Input dims'), at('Kernel name'));
      const what = `short kernels of ${at('Parent cpu_op')} ${at('Input dims')}`.slice(0, 80).replaceAll('|', ' ');
      const us = Number(at('Short Kernel duration (µs) sum')) + (told.get(id)?.us ?? 0);
      told.set(id, { what, us, calls: Number(at('Short Kernel count')) + (told.get(id)?.calls ?? 0) });
    }
    for (const [id, { what, us, calls }] of told) {
      const own = ours.get(id);
      rows.push(numberRow('TraceLens', file, `${what}: calls`, calls, own?.calls ?? null, 0, ''));
      rows.push(numberRow('TraceLens', file, `${what}: us`, us, own?.us ?? null, 0.5, ''));
    }
  }
  return rows;
}

async function timelineRows(): Promise<readonly ParityRow[]> {
  const rows: ParityRow[] = [];
  for (const label of sharedNames('labels/tracelens').filter((name) => name.endsWith('.gpu_timeline.csv'))) {
    const file = label.replace('.gpu_timeline.csv', '');
    const trace = await sharedTrace(file);
    const ours = new Map(traceLensNumbers(trace).map(({ name, value }) => [name, value]));
    const dropped = file.includes('xdit') ? memsetsWithoutFlow(file) : undefined;
    const repeated = new Map(
      dropped === undefined
        ? []
        : traceLensNumbers(trace, dropped.correlations).map(({ name, value }) => [name, value]),
    );
    for (const line of sharedText(`labels/tracelens/${label}`).trim().split('\n').slice(1)) {
      const [what = '', milliseconds = ''] = line.split(',');
      const expected = Number(milliseconds) * 1000;
      const value = ours.get(what) ?? null;
      const same = Math.abs((repeated.get(what) ?? Number.NaN) - expected) <= 0.5;
      rows.push(numberRow('TraceLens', file, what, expected, value, 0.5, same ? (dropped?.text ?? '') : ''));
    }
  }
  return rows;
}

/** Memsets of which TraceLens does not find the launch, since it joins by flow events and they have none. */
function memsetsWithoutFlow(file: string) {
  const flows = rawFlowIds(file);
  const memsets = rawSpans(file).filter(
    ({ cat, args }) => cat === 'gpu_memset' && !flows.has(Number(args['correlation'])),
  );
  const [first] = memsets;
  return {
    correlations: new Set(memsets.map(({ args }) => Number(args['correlation']))),
    text: `TraceLens drops ${memsets.length} memset without a flow event (correlation ${first?.args['correlation']}, ${first === undefined ? '' : spanText(first)}, ${first?.dur} µs), whose launching call is in the trace; without it, ours is equal`,
  };
}

/** Sums, numbers and extremes by kernel name, over all operators that launch it. */
async function traceLensKernelRows(): Promise<readonly ParityRow[]> {
  const rows: ParityRow[] = [];
  for (const label of sharedNames('labels/tracelens').filter((name) => name.endsWith('.kernel_summary.csv'))) {
    const file = label.replace('.kernel_summary.csv', '');
    const [header = '', ...lines] = sharedText(`labels/tracelens/${label}`).trim().split('\n');
    const columns = csvFields(header);
    const told = new Map<string, KernelRow>();
    for (const line of lines) {
      const fields = csvFields(line);
      const number = (what: string) => Number(fields[columns.indexOf(`Kernel duration (µs)_${what}`)]);
      const name = fields[columns.indexOf('Kernel name')] ?? '';
      mergeKernel(told, name, number('sum'), number('count'), number('min'), number('max'));
    }
    const { gpu, names } = await sharedTrace(file);
    const ours = new Map<string, KernelRow>();
    for (let row = 0; row < gpu.length; row += 1)
      mergeKernel(ours, names.text(gpu.name[row]), gpu.dur[row], 1, gpu.dur[row], gpu.dur[row]);
    const { ofGpu } = joinLaunches(await sharedTrace(file));
    const unlinked = ofGpu.filter((launch) => launch < 0).length;
    for (const [name, expected] of told) {
      const own = ours.get(name);
      for (const what of ['us', 'calls', 'least', 'most'] as const) {
        const reason =
          unlinked > 0 && own !== undefined && own.calls > expected.calls
            ? `TraceLens leaves out kernels whose launch is not in the trace: ${unlinked} of ${gpu.length} GPU events here`
            : '';
        rows.push(
          numberRow(
            'TraceLens',
            file,
            `${name.slice(0, 40).replaceAll('|', ' ')}: ${what}`,
            expected[what],
            own?.[what] ?? null,
            0.5,
            reason,
          ),
        );
      }
    }
  }
  return rows;
}

interface KernelRow {
  readonly us: number;
  readonly calls: number;
  readonly least: number;
  readonly most: number;
}

function mergeKernel(
  sums: Map<string, KernelRow>,
  name: string,
  us: number,
  calls: number,
  least: number,
  most: number,
) {
  const sum = sums.get(name) ?? { us: 0, calls: 0, least: Number.POSITIVE_INFINITY, most: 0 };
  sums.set(name, {
    us: sum.us + us,
    calls: sum.calls + calls,
    least: Math.min(sum.least, least),
    most: Math.max(sum.most, most),
  });
}

/** Bandwidths of collectives from their sizes and times; TraceLens prints GiB/s as GB/s. */
function traceLensBandwidthRows(): readonly ParityRow[] {
  const file = 'llama70b_fsdp_nccl_summary_implicit_sync';
  const [header = '', ...lines] = sharedText(`labels/tracelens/${file}.csv`).trim().split('\n');
  const columns = csvFields(header);
  return lines.flatMap((line, index) => {
    const fields = csvFields(line);
    const at = (name: string) => fields[columns.indexOf(name)] ?? '';
    // Of two collectives TraceLens gives the mean of the two bandwidths, which is not the bandwidth of the mean time.
    if (Number(at('count')) < 10) return [];
    const name = at('Collective name');
    const bytes = Number(at('Full msg size (MB)')) * 2 ** 20;
    const { algbw, busbw } = bandwidths(name, bytes, Number(at('comm_latency_median')), Number(at('Group size')));
    return (
      [
        ['algo bw', algbw],
        ['bus bw', busbw],
      ] as const
    ).map(([what, ours]) =>
      numberRow(
        'TraceLens',
        file,
        `row ${index + 1}, ${name}: ${what}, median (GiB/s)`,
        Number(at(`${what} (GB/s)_median`)),
        (ours * 1e9) / 2 ** 30,
        0.01,
        '',
      ),
    );
  });
}

/** Kernels of less than this count as short. */
const SHORT_US = 10;

/** The short kernels of one name under one operator with the same shapes. */
interface ShortKernels {
  readonly operator: string;
  readonly shapes: string;
  readonly kernel: string;
  readonly calls: number;
  readonly us: number;
}

/** Kernels shorter than 10 µs by operator, shapes and name, as TraceLens lists them; strides and values are not distinguished. */
function traceLensShortKernels(trace: Trace): readonly ShortKernels[] {
  const { gpu, host, names, inputs } = trace;
  const { ofGpu } = joinLaunches(trace);
  const operators = innermostOperators(trace, rowsByThread(trace));
  const sums = new Map<string, ShortKernels>();
  for (let row = 0; row < gpu.length; row += 1) {
    const operator = ofGpu[row] < 0 ? -1 : operators[ofGpu[row]];
    if (operator < 0 || !(gpu.dur[row] < SHORT_US)) continue;
    const id = host.inputsOf(operator);
    const one = {
      operator: names.text(host.name[operator]),
      shapes: id < 0 ? '' : inputs.texts(id).dims,
      kernel: names.text(gpu.name[row]),
    };
    const key = JSON.stringify(one);
    const sum = sums.get(key);
    sums.set(key, { ...one, calls: (sum?.calls ?? 0) + 1, us: (sum?.us ?? 0) + gpu.dur[row] });
  }
  return [...sums.values()].sort((a, b) => b.us - a.us);
}
