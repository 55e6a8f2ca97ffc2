import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { kernelVerdict } from '../../src/gpu/analysis/ncu-verdict.ts';
import { parseNcu } from '../../src/gpu/readers/ncu.ts';
import { readSource } from '../../src/gpu/readers/read-source.ts';
import { htaNumbers } from '../../src/gpu/scopes/hta.ts';
import { nsysAiNumbers } from '../../src/gpu/scopes/nsys-ai.ts';
import { sharedNames, sharedPath, sharedText, sharedTrace } from '../../test/gpu/shared-data.ts';
import { htaByStream, roundingText } from './hta-by-stream.ts';
import { htaAssertedRows, htaPathRows, htaStatisticRows } from './parity-hta.ts';
import { rooflineRows } from './parity-rooflines.ts';
import { numberRow, type ParityRow } from './parity-row.ts';
import { tbPluginRows } from './parity-tb-plugin.ts';
import { traceLensRows } from './parity-trace-lens.ts';

/** Float traces are summed in another order here: sums of up to 10^5 events agree within this. Integer traces agree exactly. */
const WITHIN_US = 1.05;

/** All rows, tool by tool. */
export async function parityRows(): Promise<readonly ParityRow[]> {
  return [
    ...(await traceLensRows()),
    ...(await rooflineRows()),
    ...(await htaRows()),
    ...(await htaStatisticRows()),
    ...(await htaPathRows()),
    ...(await htaAssertedRows()),
    ...(await tbPluginRows()),
    ...nvidiaRows(),
    ...(await nsysAiRows()),
  ];
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
          reason: `HTA raises IndexError on traces without GPU events: none of the ${trace.events} events of this one is a kernel, copy or memset of CUDA or HIP`,
        });
        continue;
      }
      const ours = numbersOf(htaNumbers(trace));
      const rounded = numbersOf(htaNumbers(trace, true));
      let raw: ReturnType<typeof htaByStream> | undefined;
      let rounding: string | undefined;
      for (const what of htaQuantities) {
        const expected = told[`${what}(us)`];
        const value = ours.get(what) ?? null;
        let reason = '';
        if (value === null || Math.abs(value - expected) > WITHIN_US) {
          if (Math.abs((rounded.get(what) ?? Number.NaN) - expected) <= WITHIN_US)
            reason = rounding ??= roundingText(file);
          else {
            raw ??= htaByStream(file);
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
          if (Math.abs((rounded.get(type) ?? Number.NaN) - sum) <= TYPES_WITHIN_US)
            reason = rounding ??= roundingText(file);
          else {
            raw ??= htaByStream(file);
            reason = streamReason(raw, type, sum);
          }
        }
        rows.push(numberRow('HTA', file, `kernel type ${type}`, sum, value, WITHIN_US, reason));
      }
      const overlap = label.comm_comp_overlap_pctg?.[index]?.comp_comm_overlap_pctg;
      if (overlap !== undefined) {
        const what = 'comp_comm_overlap_pctg';
        const same = Math.abs((rounded.get(what) ?? Number.NaN) - (overlap ?? Number.NaN)) <= 0.011;
        rows.push(numberRow('HTA', file, what, overlap, ours.get(what) ?? null, 0.011, same ? roundingText(file) : ''));
      }
    }
  }
  return rows;
}

function streamReason({ numbers, others }: ReturnType<typeof htaByStream>, what: string, expected: number): string {
  const same = Math.abs((numbers.get(what) ?? Number.NaN) - expected) <= WITHIN_US;
  return same
    ? `HTA takes every event with an argument "stream" for GPU work: also ${others}; with these, ours is equal`
    : '';
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
\`test/gpu/oracle.test.ts\` compares the page with the computed numbers. Each number is compared under the tool's own scope
(\`headrace gpu diagnose FILE --scope …\`); times of events are those of the file. Critical paths are compared with those of
HolisticTraceAnalysis 0.5.0 (\`scripts/yardstick/critical_path.py\`); its graph decides ties. "By hand" are times, operations and
bytes of single operators, computed from the raw events and shapes. Times in µs, within ${WITHIN_US} µs of sums over up to 10^5 events.

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
