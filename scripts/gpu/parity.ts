import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { joinLaunches } from '../../src/gpu/analysis/launches.ts';
import { kernelVerdict } from '../../src/gpu/analysis/ncu-verdict.ts';
import { lengthOf, unionOf } from '../../src/gpu/intervals.ts';
import { bandwidths } from '../../src/gpu/join/ranks.ts';
import { csvFields } from '../../src/gpu/readers/csv.ts';
import { parseNcu } from '../../src/gpu/readers/ncu.ts';
import { readSource } from '../../src/gpu/readers/read-source.ts';
import { htaNumbers } from '../../src/gpu/scopes/hta.ts';
import { nsysAiNumbers } from '../../src/gpu/scopes/nsys-ai.ts';
import { type StepCosts, tbPluginNumbers, tbPluginSteps } from '../../src/gpu/scopes/tb-plugin.ts';
import { traceLensNumbers } from '../../src/gpu/scopes/trace-lens.ts';
import type { Trace } from '../../src/gpu/trace/trace.ts';
import { sharedNames, sharedPath, sharedText, sharedTrace } from '../../test/gpu/shared-data.ts';
import { htaAssertedRows, htaPathRows, htaStatisticRows } from './parity-hta.ts';
import { numberRow, type ParityRow, ROUNDING } from './parity-row.ts';

/** Float traces are summed in another order here: sums of up to 10^5 events agree within this. Integer traces agree exactly. */
const WITHIN_US = 1.05;

/** All rows, tool by tool. */
export async function parityRows(): Promise<readonly ParityRow[]> {
  return [
    ...(await traceLensRows()),
    ...(await traceLensKernelRows()),
    ...traceLensBandwidthRows(),
    ...(await htaRows()),
    ...(await htaStatisticRows()),
    ...(await htaPathRows()),
    ...(await htaAssertedRows()),
    ...(await tbPluginRows()),
    ...nvidiaRows(),
    ...(await nsysAiRows()),
  ];
}

async function traceLensRows(): Promise<readonly ParityRow[]> {
  const rows: ParityRow[] = [];
  for (const label of sharedNames('labels/tracelens').filter((name) => name.endsWith('.gpu_timeline.csv'))) {
    const file = label.replace('.gpu_timeline.csv', '');
    const ours = new Map(traceLensNumbers(await sharedTrace(file)).map(({ name, value }) => [name, value]));
    for (const line of sharedText(`labels/tracelens/${label}`).trim().split('\n').slice(1)) {
      const [what = '', milliseconds = ''] = line.split(',');
      const expected = Number(milliseconds) * 1000;
      const value = ours.get(what) ?? null;
      const reason = 'TraceLens drops one Memset of 1.88 µs that has no flow start; its launching call is in the trace';
      rows.push(numberRow('TraceLens', file, what, expected, value, 0.5, file.includes('xdit') ? reason : ''));
    }
  }
  return rows;
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

interface HtaLabel {
  readonly kernel_type_breakdown?: readonly { readonly kernel_type: string; readonly sum: number }[];
  readonly temporal_breakdown?: readonly Readonly<Record<string, number>>[];
  readonly comm_comp_overlap_pctg?: readonly { readonly comp_comm_overlap_pctg: number | null }[];
  readonly error?: string;
}

/** HTA counts whole microseconds of both sides of each edge between types. */
const TYPES_WITHIN_US = 3;
const htaQuantities = ['kernel_time', 'idle_time', 'compute_time', 'non_compute_time'] as const;

async function htaRows(): Promise<readonly ParityRow[]> {
  const rows: ParityRow[] = [];
  for (const name of sharedNames('labels/hta')) {
    const label: HtaLabel = JSON.parse(sharedText(`labels/hta/${name}`));
    const files = name.includes('_and_1')
      ? ['hta_trace_filter_sampled_rank-0', 'hta_trace_filter_sampled_rank-1']
      : [name.replace(/\.json$/, '')];
    for (const [index, file] of files.entries()) {
      const told = label.temporal_breakdown?.[index];
      const trace = await sharedTrace(file);
      if (told === undefined) {
        rows.push({
          tool: 'HTA',
          file,
          what: 'temporal breakdown',
          expected: 'fails',
          ours: trace.gpu.length === 0 ? 'no GPU events' : 'numbers',
          equal: false,
          reason: 'HTA raises IndexError on traces without GPU events',
        });
        continue;
      }
      const ours = numbersOf(htaNumbers(trace));
      const rounded = numbersOf(htaNumbers(trace, true));
      const raw = new Map<string, number>();
      for (const what of htaQuantities) {
        const expected = told[`${what}(us)`];
        const value = ours.get(what) ?? null;
        let reason = '';
        if (value === null || Math.abs(value - expected) > WITHIN_US) {
          if (Math.abs((rounded.get(what) ?? Number.NaN) - expected) <= WITHIN_US) reason = ROUNDING;
          else {
            if (raw.size === 0) for (const [key, number] of htaByStream(file)) raw.set(key, number);
            reason = streamReason(raw, what, expected);
          }
        }
        rows.push(numberRow('HTA', file, what, expected, value, WITHIN_US, reason));
      }
      // HTA sums types over all ranks that it was given.
      for (const { kernel_type: type, sum } of files.length > 1 ? [] : (label.kernel_type_breakdown ?? [])) {
        const value = ours.get(type) ?? null;
        let reason = '';
        if (value === null || Math.abs(value - sum) > WITHIN_US) {
          if (Math.abs((rounded.get(type) ?? Number.NaN) - sum) <= TYPES_WITHIN_US) reason = ROUNDING;
          else {
            if (raw.size === 0) for (const [key, number] of htaByStream(file)) raw.set(key, number);
            reason = streamReason(raw, type, sum);
          }
        }
        rows.push(numberRow('HTA', file, `kernel type ${type}`, sum, value, WITHIN_US, reason));
      }
      const overlap = label.comm_comp_overlap_pctg?.[index]?.comp_comm_overlap_pctg;
      if (overlap !== undefined) {
        const what = 'comp_comm_overlap_pctg';
        const same = Math.abs((rounded.get(what) ?? Number.NaN) - (overlap ?? Number.NaN)) <= 0.011;
        rows.push(numberRow('HTA', file, what, overlap, ours.get(what) ?? null, 0.011, same ? ROUNDING : ''));
      }
    }
  }
  return rows;
}

function streamReason(raw: ReadonlyMap<string, number>, what: string, expected: number): string {
  const others = `${raw.get('cpu_op')} operators, ${raw.get('cuda_sync')} waits and ${raw.get('mtia')} events of another accelerator`;
  const chosen = `HTA takes every event with an argument "stream" for GPU work, here also ${others}`;
  const chosenOurs = raw.get(what);
  if (chosenOurs === undefined) return `${chosen}, and sorts their names into these types`;
  const same = Math.abs(chosenOurs - expected) <= WITHIN_US;
  return same
    ? `${chosen}; with these, ours is equal`
    : `${chosen}; with these, ours is ${chosenOurs.toFixed(0)}: HTA also sorts their names into other classes`;
}

/** HTA's choice of rows, repeated on the raw events: what has an argument `stream`, start rounded up, end down. */
function htaByStream(start: string): ReadonlyMap<string, number> {
  const name = sharedNames('torch_trace').find((known) => known.startsWith(start)) ?? '';
  const file: {
    traceEvents: readonly {
      ph: string;
      cat: string;
      name: string;
      ts: number;
      dur?: number;
      args?: { stream?: number };
    }[];
  } = JSON.parse(gunzipSync(readFileSync(sharedPath(`torch_trace/${name}`))).toString());
  const rows = file.traceEvents.flatMap(({ ph, cat, name: title, ts, dur, args }) =>
    ph === 'X' && dur !== undefined && args?.stream !== undefined && Number(args.stream) !== -1
      ? [{ cat, title, start: Math.ceil(ts), end: Math.floor(ts + dur) }]
      : [],
  );
  const union = (chosen: typeof rows) =>
    unionOf(
      chosen.map((row) => row.start),
      chosen.map((row) => row.end),
    );
  const all = union(rows);
  const compute = lengthOf(
    union(rows.filter(({ title }) => !/^nccl|ncclKernel|Memcpy|Memset|dma|Sync|^hip/.test(title))),
  );
  const kernel = all.ends[all.ends.length - 1] - all.starts[0];
  const count = (pattern: RegExp) => rows.filter(({ cat }) => pattern.test(cat)).length;
  return new Map([
    ['kernel_time', kernel],
    ['idle_time', kernel - lengthOf(all)],
    ['compute_time', compute],
    ['COMPUTATION', compute],
    ['non_compute_time', lengthOf(all) - compute],
    ['cpu_op', count(/^cpu_op$/)],
    ['cuda_sync', count(/^cuda_sync$/)],
    ['mtia', count(/^mtia/)],
  ]);
}

interface TbLabel {
  readonly steps?: readonly (Readonly<Record<string, number>> & { readonly step: string })[];
  readonly gpu?: readonly { readonly utilization: number; readonly est_sm_efficiency: number | null }[];
}

const hostRoles = ['Communication', 'Runtime', 'CpuOp'] as const;

async function tbPluginRows(): Promise<readonly ParityRow[]> {
  const rows: ParityRow[] = [];
  for (const name of sharedNames('labels/tb_plugin').filter(
    (known) => known.endsWith('.json') && !known.startsWith('kineto_tb'),
  )) {
    const file = name.replace(/\.json$/, '');
    const label: TbLabel = JSON.parse(sharedText(`labels/tb_plugin/${name}`));
    const trace = await sharedTrace(file);
    if (trace.gpu.length === 0 || trace.steps.length === 0) {
      rows.push({
        tool: 'tb_plugin',
        file,
        what: 'steps',
        expected: String(label.steps?.length ?? 0),
        ours: 'none',
        equal: false,
        reason:
          trace.gpu.length === 0
            ? 'no GPU event: we give no step costs'
            : 'no step is marked: tb_plugin makes one of the whole recording, from the first host event; we use the GPU span',
      });
      continue;
    }
    const ours = tbPluginSteps(trace);
    for (const step of label.steps ?? []) {
      const costs = ours.get(`ProfilerStep#${step.step}`);
      if (costs !== undefined) rows.push(...stepRows(trace, file, step, costs));
    }
    const told = label.gpu?.[0];
    const numbers = numbersOf(tbPluginNumbers(trace));
    if (told !== undefined)
      rows.push(utilisationRow(file, told.utilization, numbers.get('GPU utilization') ?? null, rows));
  }
  return rows;
}

function stepRows(
  trace: Trace,
  file: string,
  step: Readonly<Record<string, number>> & { readonly step: string },
  costs: StepCosts,
): readonly ParityRow[] {
  const hostSum = (from: Readonly<Record<string, number>>) =>
    hostRoles.reduce((sum, role) => sum + (from[role] ?? 0), 0);
  const sameHost = Math.abs(hostSum(step) - hostSum(costs)) <= 3 * WITHIN_US;
  const later = Math.abs(step['Total'] - costs.Total) > WITHIN_US;
  return Object.entries(costs).map(([role, value]) => {
    let reason = '';
    if (later)
      reason = `tb_plugin begins this step ${(costs.Total - step['Total']).toFixed(0)} µs later: after the last GPU event whose launch is not in the trace (${trace.gpu.length} GPU events in all)`;
    else if (sameHost && hostRoles.some((known) => known === role))
      reason =
        'Communication + Runtime + CpuOp agree in sum; tb_plugin divides the three otherwise where it does not join a communication operator with its kernel';
    return numberRow('tb_plugin', file, `step ${step.step}: ${role}`, step[role], value, WITHIN_US, reason);
  });
}

function utilisationRow(file: string, expected: number, ours: number | null, before: readonly ParityRow[]): ParityRow {
  const moved = before.some((row) => row.file === file && row.reason.startsWith('tb_plugin begins'));
  const reason = moved
    ? 'the window of tb_plugin begins later, see its steps'
    : file.includes('mi250')
      ? 'tb_plugin divides by the first step alone (9,288 µs); the second has no kernel'
      : '';
  return numberRow('tb_plugin', file, 'GPU utilization', expected, ours, 1e-4, reason);
}

function nvidiaRows(): readonly ParityRow[] {
  const patterns: readonly (readonly [RegExp, string])[] = [
    [/grid is too small/, 'small grid'],
    [/low compute throughput/, 'latency'],
    [/Memory is more heavily/, 'memory'],
    [/greater than 80/, 'high throughput'],
  ];
  const lines = sharedText('labels/ncu/nvidia_sol_verdicts.csv').trim().split('\n').slice(1);
  return lines.flatMap((line) => {
    const kernel = /^kernel_\d+/.exec(line)?.[0] ?? '';
    const name = sharedNames('ncu/dsocr_rtx5090').find((known) => known.startsWith(`${kernel}.details`)) ?? '';
    const expected = patterns.find(([pattern]) => pattern.test(line))?.[1] ?? '';
    return parseNcu(sharedText(`ncu/dsocr_rtx5090/${name}`)).map((one) => {
      // Without NVIDIA's own rule rows, so that the verdict is computed.
      const ours = kernelVerdict({ ...one, rules: [] }).verdict;
      return {
        tool: 'Nsight Compute',
        file: kernel,
        what: 'SOLBottleneck',
        expected,
        ours,
        equal: expected === ours,
        reason: '',
      };
    });
  });
}

async function nsysAiRows(): Promise<readonly ParityRow[]> {
  const told: Readonly<Record<string, readonly (readonly [string, number, number])[]>> = {
    before: [
      ['kernel time', 535_190, 20],
      ['exposed NCCL', 25_400, 5],
      ['GPU 0: idle of the kernel span', 9.67, 0.005],
      ['GPU 1: idle of the kernel span', 11.5, 0.005],
    ],
    after: [
      ['kernel time', 488_840, 10],
      ['exposed NCCL', 33_740, 5],
      ['GPU 0: idle of the kernel span', 20.64, 0.005],
      ['GPU 1: idle of the kernel span', 16, 0.005],
    ],
  };
  const rows: ParityRow[] = [];
  for (const [side, numbers] of Object.entries(told)) {
    const file = `nsysai_mfu_2gpu_${side}`;
    const source = await readSource(sharedPath(`nsys/${file}.sqlite.gz`));
    if (source.kind !== 'trace') continue;
    const ours = numbersOf(nsysAiNumbers(source.trace));
    for (const [what, expected, within] of numbers)
      rows.push(numberRow('nsys-ai', file, what, expected, ours.get(what) ?? null, within, ''));
  }
  return rows;
}

function numbersOf(
  list: readonly { readonly name: string; readonly value: number | null }[],
): ReadonlyMap<string, number | null> {
  return new Map(list.map(({ name, value }) => [name, value]));
}

/** The page: sums by tool, then every difference with its reason. */
export function parityPage(rows: readonly ParityRow[]): string {
  const tools = [...new Set(rows.map(({ tool }) => tool))];
  const summary = tools.map((tool) => {
    const own = rows.filter((row) => row.tool === tool);
    const equal = own.filter((row) => row.equal).length;
    const reproduced = own.filter(({ reason }) => reason.includes('ours is equal')).length;
    return `| ${tool} | ${new Set(own.map(({ file }) => file)).size} | ${own.length} | ${equal} | ${reproduced} | ${own.length - equal - reproduced} |`;
  });
  const show = (value: number | string | null) =>
    typeof value === 'number' ? String(Number(value.toFixed(3))) : (value ?? 'none');
  const differences = rows
    .filter(({ equal }) => !equal)
    .map(
      ({ tool, file, what, expected, ours, reason }) =>
        `| ${tool} | ${file.slice(0, 60)} | ${what} | ${show(expected)} | ${show(ours)} | ${reason} |`,
    );
  return `# Parity with other tools

Written by \`node --conditions=headrace-source scripts/gpu/parity.ts\` from recorded captures with the output of each tool;
\`test/gpu/oracle.test.ts\` holds the page to what is computed. Each number is compared under the tool's own scope
(\`headrace gpu diagnose FILE --scope …\`); critical paths with those of HolisticTraceAnalysis 0.5.0
(\`scripts/yardstick/critical_path.py\`), whose ties are those of its graph; times in µs, within ${WITHIN_US} µs of sums over up to 10^5 events.

| tool | files | numbers | equal | equal once its fault is repeated | differ, with a reason |
|---|---|---|---|---|---|
${summary.join('\n')}

## Every difference

| tool | file | number | tool says | ours | reason |
|---|---|---|---|---|---|
${differences.join('\n')}
`;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  const rows = await parityRows();
  writeFileSync('docs/reference/gpu-parity.md', parityPage(rows));
  console.log(`${rows.length} numbers, ${rows.filter(({ equal }) => equal).length} equal`);
}
