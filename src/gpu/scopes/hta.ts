import { joinLaunches } from '../analysis/launches.ts';
import { intersect, lengthOf, type Spans, subtract, unionOf } from '../intervals.ts';
import type { Trace } from '../trace/trace.ts';
import { htaCriticalPath, pathNumbers } from './hta-critical-path.ts';
import { htaRows } from './hta-rows.ts';
import { bandwidthsByKind, idleByStream, launchStatistics, queueLengths } from './hta-statistics.ts';
import type { ScopedNumber } from './scope.ts';

const communication = /^(nccl|hip|hccl)|ncclKernel/;
const memory = /^(hip)?Mem(cpy|set)|^dma/;
const notComputation = /^nccl|Memcpy|Memset|dma|Sync|^hip/;

/** All numbers under the scope of HolisticTraceAnalysis; the critical path is that of the first step, or of the whole trace. */
export function htaScope(trace: Trace): readonly ScopedNumber[] {
  const rows = htaRows(trace);
  const [first] = trace.steps;
  const window =
    first === undefined
      ? { start: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY }
      : { start: first.ts, end: first.ts + first.dur };
  return [
    ...htaNumbers(trace),
    ...launchStatistics(rows),
    ...queueLengths(rows),
    ...idleByStream(rows),
    ...bandwidthsByKind(rows),
    ...pathNumbers(htaCriticalPath(trace, window)),
  ];
}

/**
 * HolisticTraceAnalysis: GPU events that were launched before the last of several steps begins (one step is kept), from the
 * first to the last of them. Its rounding of nanosecond traces (start up, end down) and its selection of rows by the
 * argument `stream`, which Inductor also writes on operators, are not repeated here unless `rounding` asks for the first.
 */
export function htaNumbers(trace: Trace, rounding = false): readonly ScopedNumber[] {
  const { gpu, host, names, steps } = trace;
  const { ofGpu } = joinLaunches(trace);
  const until = steps.length > 1 ? steps[steps.length - 1].ts : undefined;
  const lists = { all: pair(), computation: pair(), communication: pair(), memory: pair() };
  for (let row = 0; row < gpu.length; row += 1) {
    const launch = ofGpu[row];
    if (until !== undefined && !(launch >= 0 && host.ts[launch] < until)) continue;
    const start = rounding ? Math.ceil(gpu.ts[row]) : gpu.ts[row];
    const end = rounding ? Math.floor(gpu.ts[row] + gpu.dur[row]) : gpu.ts[row] + gpu.dur[row];
    const name = names.text(gpu.name[row]);
    add(lists.all, start, end);
    if (communication.test(name)) add(lists.communication, start, end);
    else if (memory.test(name)) add(lists.memory, start, end);
    else if (!notComputation.test(name)) add(lists.computation, start, end);
  }
  if (lists.all.starts.length === 0) return [];
  const all = spansOf(lists.all);
  const compute = spansOf(lists.computation);
  const exchanged = spansOf(lists.communication);
  const kernelTime = Math.max(...lists.all.ends.slice(0, 1), all.ends[all.ends.length - 1]) - all.starts[0];
  const idle = kernelTime - lengthOf(all);
  const computeUs = lengthOf(compute);
  const sent = lengthOf(exchanged);
  return [
    { name: 'kernel_time', value: kernelTime, unit: 'µs' },
    { name: 'idle_time', value: idle, unit: 'µs' },
    { name: 'compute_time', value: computeUs, unit: 'µs' },
    { name: 'non_compute_time', value: kernelTime - idle - computeUs, unit: 'µs' },
    {
      name: 'comp_comm_overlap_pctg',
      value: sent === 0 ? null : (100 * lengthOf(intersect(compute, exchanged))) / sent,
      unit: '%',
    },
    ...kernelTypes(compute, exchanged, spansOf(lists.memory)),
  ];
}

/** Time by the types of kernels that run at once, each instant once. */
function kernelTypes(computation: Spans, exchanged: Spans, copied: Spans): readonly ScopedNumber[] {
  const kinds = [
    ['COMPUTATION', computation],
    ['COMMUNICATION', exchanged],
    ['MEMORY', copied],
  ] as const;
  return [1, 2, 3, 4, 5, 6, 7].map((mask) => {
    const inside = kinds.filter((_, bit) => (mask & (1 << bit)) !== 0);
    const outside = kinds.filter((_, bit) => (mask & (1 << bit)) === 0);
    const both = inside.map(([, spans]) => spans).reduce((a, b) => intersect(a, b));
    const only = outside.reduce((left, [, spans]) => subtract(left, spans), both);
    return { name: inside.map(([name]) => name).join(' overlapping '), value: lengthOf(only), unit: 'µs' };
  });
}

function pair(): { starts: number[]; ends: number[] } {
  return { starts: [], ends: [] };
}

function add(list: { starts: number[]; ends: number[] }, start: number, end: number): void {
  list.starts.push(start);
  list.ends.push(end);
}

function spansOf({ starts, ends }: { starts: number[]; ends: number[] }): Spans {
  return unionOf(starts, ends);
}
