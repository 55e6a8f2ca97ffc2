import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { countedKernels } from '../../src/gpu/analysis/counters.ts';
import { edgeKinds } from '../../src/gpu/analysis/path-graph.ts';
import {
  htaCriticalPath,
  type PathFaults,
  type PathWindow,
  pathNumbers,
  windowOf,
} from '../../src/gpu/scopes/hta-critical-path.ts';
import { type HtaFaults, type HtaRows, htaRows } from '../../src/gpu/scopes/hta-rows.ts';
import { bandwidthsByKind, idleByStream, launchStatistics, queueLengths } from '../../src/gpu/scopes/hta-statistics.ts';
import type { ScopedNumber } from '../../src/gpu/scopes/scope.ts';
import type { Trace } from '../../src/gpu/trace/trace.ts';
import { sharedNames, sharedPath, sharedText, sharedTrace } from '../../test/gpu/shared-data.ts';
import { numberRow, type ParityRow, ROUNDING } from './parity-row.ts';

type List<Row> = readonly Row[] | { readonly error: string };
interface StatisticsLabel {
  readonly launch_stats?: List<Readonly<Record<string, number | null>>>;
  readonly queue_length?: List<{ rank: number; stream: number; count: number; mean: number; max: number }>;
  readonly idle_time_breakdown?: List<{ rank: number; stream: number; idle_category: string; idle_time: number }>;
  readonly memory_bw?: List<{ rank: number; name: string; count: number; mean: number; max: number }>;
}

/** HTA's names of the launching calls of its launch statistics, and of its queue lengths. */
const launchNames = /^cuda(LaunchKernel(ExC)?|MemcpyAsync|MemsetAsync)$/;
const queueNames =
  /^(cuda(LaunchKernel(ExC)?|MemcpyAsync|MemsetAsync)|cuLaunchKernel|hip(LaunchKernel|ExtModuleLaunchKernel|MemsetAsync|MemcpyAsync|MemcpyWithStream))$/;

const launchWhat = [
  ['rows', 'launches'],
  ['short_gpu_kernels', 'launches that take longer than their kernel'],
  ['runtime_outliers', 'launching calls > 50 µs'],
  ['launch_delay_outliers', 'launch delays > 100 µs'],
  ['gpu_duration_mean', 'launched event, mean'],
  ['cpu_duration_mean', 'launching call, mean'],
  ['launch_delay_median', 'launch delay, median'],
] as const;

const MOMENTS = ['moments', 'count'] as const;
const MEAN = ['mean', 'mean'] as const;
const MOST = ['most', 'max'] as const;

/** Launch statistics, queue lengths, idle time by stream and bandwidths of every label of HTA. */
export async function htaStatisticRows(): Promise<readonly ParityRow[]> {
  const rows: ParityRow[] = [];
  for (const name of sharedNames('labels/hta')) {
    const label: StatisticsLabel = JSON.parse(sharedText(`labels/hta/${name}`));
    const files = name.includes('_and_1')
      ? ['hta_trace_filter_sampled_rank-0', 'hta_trace_filter_sampled_rank-1']
      : [name.replace(/\.json$/, '')];
    for (const [rank, file] of files.entries()) {
      const trace = await sharedTrace(file);
      rows.push(
        ...(trace.foreign.size > 0 && trace.gpu.length === 0
          ? foreignRow(file, label)
          : statistics(file, trace, label, rank)),
      );
    }
  }
  return rows;
}

/** HTA's numbers about an accelerator that is neither CUDA nor HIP, as one row. */
function foreignRow(file: string, label: StatisticsLabel): readonly ParityRow[] {
  const numbers = 7 + 3 * listOf(label.queue_length).length + listOf(label.idle_time_breakdown).length;
  return [
    {
      tool: 'HTA',
      file,
      what: 'launches, queues and idle time by stream',
      expected: `${numbers} numbers`,
      ours: 'none',
      equal: false,
      reason:
        'HTA takes every event with an argument "stream" for GPU work; these are of category mtia_ccp_events, an accelerator that we name as unsupported',
    },
  ];
}

function statistics(file: string, trace: Trace, label: StatisticsLabel, rank: number): readonly ParityRow[] {
  const check = new Checker(file, trace);
  const launches = listOf(label.launch_stats)[rank];
  for (const [theirs, what] of launchWhat)
    if (launches !== undefined) check.row(launchStatistics, what, launches[theirs] ?? null, launchNames);
  for (const queue of listOf(label.queue_length).filter((row) => row.rank === rank))
    for (const [ours, theirs] of [MOMENTS, MEAN, MOST])
      check.row(queueLengths, `queue of stream ${queue.stream}, ${ours}`, queue[theirs], queueNames);
  for (const idle of listOf(label.idle_time_breakdown).filter((row) => row.rank === rank))
    check.row(idleByStream, `idle of stream ${idle.stream}, ${idle.idle_category.replace('_', ' ')}`, idle.idle_time);
  for (const kind of listOf(label.memory_bw).filter((row) => row.rank === rank))
    for (const [ours, theirs] of [MOMENTS, MEAN, MOST])
      check.row(bandwidthsByKind, `${kind.name}, ${ours}`, kind[theirs]);
  return check.rows;
}

function listOf<Row>(list: List<Row> | undefined): readonly Row[] {
  return list !== undefined && 'length' in list ? list : [];
}

type Statistics = (rows: HtaRows) => readonly ScopedNumber[];

/** Compares numbers of one trace; where they differ, repeats the faults of HTA one by one until they do not. */
class Checker {
  readonly rows: ParityRow[] = [];
  readonly #file: string;
  readonly #trace: Trace;
  readonly #known = new Map<string, ReadonlyMap<string, number | null>>();

  constructor(file: string, trace: Trace) {
    this.#file = file;
    this.#trace = trace;
  }

  row(statistics: Statistics, what: string, expected: number | null, names = /./): void {
    const of = (faults: HtaFaults, how = statistics) => this.#number(how, what, faults);
    const ours = of({});
    const within = Math.max(2e-6, 2e-6 * Math.abs(expected ?? 0));
    const same = (value: number | null) =>
      expected === null || value === null ? expected === value : Math.abs(value - expected) <= within;
    const reason = () => {
      if (same(of({ rounding: true }))) return ROUNDING;
      const faults = { rounding: true, launchNames: names };
      const named = of(faults);
      if (same(named)) return this.#namesReason(statistics);
      if (what.startsWith('queue')) return this.#queueReason(what, expected, faults) ?? '';
      if (what.startsWith('idle')) return this.#idleReason(what, same) ?? '';
      return this.#bandwidthReason(what, expected) ?? '';
    };
    this.rows.push(numberRow('HTA', this.#file, what, expected, ours, within, same(ours) ? '' : reason()));
  }

  #number(statistics: Statistics, what: string, faults: HtaFaults): number | null {
    const key = `${statistics.toString()}/${String(faults.rounding)}/${String(faults.launchNames)}`;
    let numbers = this.#known.get(key);
    if (numbers === undefined) {
      numbers = new Map(statistics(htaRows(this.#trace, faults)).map(({ name, value }) => [name, value]));
      this.#known.set(key, numbers);
    }
    return numbers.get(what) ?? null;
  }

  #namesReason(statistics: Statistics): string {
    const { gpu, host, names } = this.#trace;
    const { launches, rows } = htaRows(this.#trace);
    const isKnown = names.tester(statistics === queueLengths ? queueNames : launchNames);
    const others = new Map<string, number>();
    for (const row of rows) {
      const launch = launches.ofGpu[row];
      if (launch < 0 || isKnown(host.name[launch])) continue;
      others.set(names.text(host.name[launch]), (others.get(names.text(host.name[launch])) ?? 0) + 1);
    }
    const list = [...others].sort((a, b) => b[1] - a[1]).map(([name, count]) => `${count} by ${name}`);
    return `HTA does not know the calls that launched the rest of ${gpu.length} GPU events (${list.slice(0, 3).join(', ')}); with its names ours is equal`;
  }

  #queueReason(what: string, expected: number | null, faults: HtaFaults): string | undefined {
    if (what.endsWith('moments')) {
      const first = rawEvents(this.#file)[0];
      const ours = this.#number(queueLengths, what, faults);
      return ours !== null && ours - 2 === expected && /kernel/i.test(first.cat)
        ? 'HTA asks for index_correlation > 0 and so drops the launch of the kernel that is event 0 of the file; without it ours is equal'
        : undefined;
    }
    const earliest = this.#number(queueLengths, what, faults);
    const latest = this.#number((rows) => queueLengths(rows, false), what, faults);
    return between(expected, earliest, latest)
      ? `HTA sorts by whole microseconds with a sort that leaves equal times in any order; its number is between ours with launches before starts of the same microsecond (${shown(earliest)}) and after (${shown(latest)})`
      : undefined;
  }

  #idleReason(what: string, same: (value: number | null) => boolean): string | undefined {
    const { ts, name } = rawEvents(this.#file)[0];
    const ours = this.#number((rows) => idleByStream(rows, Math.ceil(ts)), what, { rounding: true });
    return same(ours)
      ? `HTA gives GPU events without a launch the launch time of event 0 of the file (${name}); so given, and rounded, ours is equal`
      : undefined;
  }

  #bandwidthReason(what: string, expected: number | null): string | undefined {
    const faults = { rounding: true };
    const of = (how: Statistics, which: string) =>
      this.#number(how, what.replace(/[^,]+$/, ` ${which}`), faults) ?? Number.NaN;
    const ends = (rows: HtaRows) => bandwidthsByKind(rows, { startsFirst: false });
    const starts = (rows: HtaRows) => bandwidthsByKind(rows, { exact: false });
    // A mean over moments that are nearly 0 is distinguished by its sum.
    const which = what.slice(what.lastIndexOf(' ') + 1);
    const moments = Number(listOf(bandwidthLabel(this.#file)).find(({ name }) => what.startsWith(name))?.count);
    const inside =
      which === 'mean'
        ? between(
            (expected ?? 0) * moments,
            of(starts, 'mean') * of(starts, 'moments'),
            of(ends, 'mean') * of(ends, 'moments'),
          )
        : between(expected, of(starts, which), of(ends, which));
    return inside
      ? `HTA sorts by whole microseconds with a sort that leaves equal times in any order, and counts what is left of adding and subtracting fractions (below 1e-9 GB/s) as a bandwidth; its number is between ours with copies that begin as another ends counted together, remainders too (${shown(of(starts, which))}), and one after the other (${shown(of(ends, which))})${which === 'mean' ? ', as sums over their moments' : ''}`
      : undefined;
  }
}

function bandwidthLabel(file: string): StatisticsLabel['memory_bw'] {
  const label: StatisticsLabel = JSON.parse(sharedText(`labels/hta/${file}.json`));
  return label.memory_bw;
}

function between(value: number | null, a: number | null, b: number | null): boolean {
  return value !== null && a !== null && b !== null && value >= Math.min(a, b) - 1e-6 && value <= Math.max(a, b) + 1e-6;
}

function shown(value: number | null): string {
  return value === null ? 'none' : String(Number(value.toFixed(6)));
}

interface RawEvent {
  readonly ph: string;
  readonly cat: string;
  readonly name: string;
  readonly ts: number;
  readonly args?: { readonly stream?: number };
}

function rawEvents(start: string): readonly RawEvent[] {
  const name = sharedNames('torch_trace').find((known) => known.startsWith(start)) ?? '';
  const file: { traceEvents: readonly RawEvent[] } = JSON.parse(
    gunzipSync(readFileSync(sharedPath(`torch_trace/${name}`))).toString(),
  );
  return file.traceEvents;
}

interface PathLabel {
  readonly file: string;
  readonly annotation: string;
  readonly instance: number;
  readonly error?: string;
  readonly nodes: number;
  readonly events: number;
  readonly edges: number;
  readonly overlay: number;
  readonly us: Readonly<Record<string, number>>;
}

const boundNames = {
  host: 'cpu_bound',
  compute: 'gpu_compute_bound',
  communication: 'gpu_communication_bound',
  'between kernels': 'gpu_kernel_kernel_overhead',
  launch: 'gpu_kernel_launch_overhead',
} as const;

/** Critical paths of HTA 0.5.0, written by scripts/yardstick/critical_path.py. */
export async function htaPathRows(): Promise<readonly ParityRow[]> {
  const labels: readonly PathLabel[] = JSON.parse(
    readFileSync(new URL('hta-critical-paths.json', import.meta.url), 'utf8'),
  );
  const rows: ParityRow[] = [];
  for (const label of labels) {
    const trace = await sharedTrace(label.file);
    const where =
      label.annotation === ''
        ? 'whole trace'
        : `${label.annotation.split('|').at(-1)?.replace(']', '')} ${label.instance}`;
    if (label.error === undefined) rows.push(...pathRows(label, trace, where));
    else rows.push(failedPath(label, trace, where));
  }
  return rows;
}

function pathRows(label: PathLabel, trace: Trace, where: string): readonly ParityRow[] {
  const window =
    label.annotation === ''
      ? { start: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY }
      : windowOf(trace, label.annotation, label.instance);
  if (window === undefined) return [];
  const expected = new Map<string, number>([
    ['nodes', label.nodes],
    ['events', label.events],
    ['edges', label.edges],
    ['edges of the default overlay', label.overlay],
    ...Object.entries(boundNames).map(([ours, theirs]): [string, number] => [ours, label.us[theirs] ?? 0]),
  ]);
  const ours = pathOf(trace, window);
  const all = (path: ReadonlyMap<string, number>) => [...expected].every(([what, value]) => path.get(what) === value);
  const rounded = all(ours) ? ours : pathOf(trace, window, { rounding: true });
  const operators = all(rounded) ? new Set<number>() : rawOperators(label.file, trace);
  const without = all(rounded)
    ? undefined
    : pathOf(trace, window, { rounding: true, leftOut: (row) => operators.has(row) });
  return [...expected].map(([what, value]) => {
    const reason =
      rounded.get(what) === value
        ? ROUNDING
        : without?.get(what) === value
          ? `HTA takes ${operators.size} operators with an argument "stream" for GPU work; without them, and rounded, ours is equal`
          : '';
    return numberRow(
      'HTA',
      label.file,
      `critical path of ${where}: ${what}`,
      value,
      ours.get(what) ?? null,
      1e-6,
      reason,
    );
  });
}

function pathOf(trace: Trace, window: PathWindow, faults: PathFaults = {}): ReadonlyMap<string, number> {
  const path = htaCriticalPath(trace, window, faults);
  const drawn = path.edges.filter(
    ({ kind }) => kind === edgeKinds.next || kind === edgeKinds.launch || kind === edgeKinds.sync,
  );
  return new Map([
    ...pathNumbers(path).map(({ name, value }): [string, number] => [name.replace('critical path, ', ''), value ?? 0]),
    ['edges of the default overlay', drawn.length],
  ]);
}

/** The host rows of operators that have an argument `stream`. */
function rawOperators(file: string, { host, names }: Trace): ReadonlySet<number> {
  const marked = new Set(
    rawEvents(file)
      .filter(({ ph, cat, args }) => ph === 'X' && cat === 'cpu_op' && args?.stream !== undefined)
      .map(({ name, ts }) => `${name} ${ts}`),
  );
  const rows = Array.from({ length: host.length }, (_, row) => row);
  return new Set(rows.filter((row) => marked.has(`${names.text(host.name[row])} ${host.ts[row]}`)));
}

function failedPath({ file, error = '' }: PathLabel, trace: Trace, where: string): ParityRow {
  const found = trace.gpu.length > 0;
  const reason = !found
    ? 'HTA raises on traces without linked GPU events'
    : error.startsWith('AssertionError')
      ? 'HTA asserts that the launch of each kernel of its window has a node, and it has none where the categories are of 2021 (Runtime, not cuda_runtime)'
      : 'HTA marks calls without a GPU event by the index 0; event 0 of this file is a kernel, which it so joins with each of them';
  return {
    tool: 'HTA',
    file,
    what: `critical path of ${where}`,
    expected: error.split(':')[0],
    ours: found ? 'a path' : 'no GPU events',
    equal: false,
    reason,
  };
}

/** What the tests of upstream assert of single edges. */
async function htaEdgeRows(): Promise<readonly ParityRow[]> {
  const file = 'hta_critical_path_simple_add_benchmark_result_493459_1694039959_trace';
  const trace = await sharedTrace(file);
  const window = windowOf(trace, 'measure|forward]', 1);
  if (window === undefined) return [];
  const { graph, edges } = htaCriticalPath(trace, window);
  const weights = (kind: number) =>
    graph
      .edges()
      .filter((edge) => edge.kind === kind)
      .map(({ weight }) => weight);
  const around = '15, 14, 17, 15, 32';
  const chain = edges.map(({ weight }) => weight).join(', ');
  return [
    textRow(file, 'edges around one aten::relu_ (µs)', around, chain.includes(`, ${around}, `) ? around : chain),
    numberRow('HTA', file, 'a launch edge (µs)', 27, weights(edgeKinds.launch).find((us) => us === 27) ?? null, 0, ''),
    numberRow(
      'HTA',
      file,
      'an edge between kernels (µs)',
      7,
      weights(edgeKinds.stream).find((us) => us === 7) ?? null,
      0,
      '',
    ),
    numberRow('HTA', file, 'longest edge of a wait (µs)', 0, Math.max(...weights(edgeKinds.sync)), 0, ''),
  ];
}

/** What upstream asserts of counters and of single edges. */
export async function htaAssertedRows(): Promise<readonly ParityRow[]> {
  return [...(await htaCounterRows()), ...(await htaEdgeRows())];
}

async function htaCounterRows(): Promise<readonly ParityRow[]> {
  const file = 'hta_cupti_profiler_benchmark_result_924719_1679055439_trace';
  const kernels = countedKernels(await sharedTrace(file));
  const fifth = kernels[5];
  const name = /fft2d_r2c_32x32/.exec(fifth.name)?.[0] ?? fifth.name;
  return [
    numberRow('HTA', file, 'counter rows', 77, kernels.length, 0, ''),
    numberRow(
      'HTA',
      file,
      'row 5: fadd instructions',
      86_114_304,
      fifth.values.get('smsp__sass_thread_inst_executed_op_fadd_pred_on.sum') ?? null,
      0,
      '',
    ),
    textRow(file, 'row 5: kernel', 'fft2d_r2c_32x32', name),
    textRow(file, 'row 5: top operator', 'aten::conv2d', fifth.topOperator),
  ];
}

function textRow(file: string, what: string, expected: string, ours: string | null): ParityRow {
  return { tool: 'HTA', file, what, expected, ours, equal: expected === ours, reason: '' };
}
