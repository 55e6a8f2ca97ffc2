import { joinLaunches } from '../analysis/launches.ts';
import { clip, lengthOf, noSpans, type Spans, span, subtract, unionOf } from '../intervals.ts';
import { gpuKinds, hostKinds, type Trace } from '../trace/trace.ts';
import type { ScopedNumber } from './scope.ts';

/** Roles in the order of priority: time that has several belongs to the first. */
const roles = ['Kernel', 'Memcpy', 'Memset', 'Communication', 'Runtime', 'DataLoader', 'CpuOp'] as const;
type Role = (typeof roles)[number];

/** The costs of one stretched step, in microseconds. */
export type StepCosts = Readonly<Record<Role | 'Other' | 'Total', number>>;

/** Rows that tb_plugin takes for work of the host: annotations on the GPU's side, calls of other accelerators. Microseconds. */
export type ExtraRows = readonly {
  readonly kind: 'annotation' | 'runtime';
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
}[];

/**
 * kineto's tb_plugin: stretched steps, each instant charged to the first role that it has. Communication is the time of five
 * host operators `nccl:…`; communication kernels are kernels here, as tb_plugin takes them on traces since 2021, where it does not
 * find their operator. With `extra`, its fault with these rows is repeated.
 */
export function tbPluginSteps(trace: Trace, extra: ExtraRows = []): ReadonlyMap<string, StepCosts> {
  const spans = roleSpans(trace, extra);
  const steps = new Map<string, StepCosts>();
  for (const { name, start, end } of tbPluginWindows(trace)) {
    let left: Spans = span(start, end);
    const costs: Record<Role | 'Other' | 'Total', number> = {
      Kernel: 0,
      Memcpy: 0,
      Memset: 0,
      Communication: 0,
      Runtime: 0,
      DataLoader: 0,
      CpuOp: 0,
      Other: 0,
      Total: end - start,
    };
    for (const role of roles) {
      const before = lengthOf(left);
      left = subtract(left, clip(spans[role], start, end));
      costs[role] = before - lengthOf(left);
    }
    costs.Other = lengthOf(left);
    steps.set(name, costs);
  }
  return steps;
}

interface TbWindow {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** A last step with less than this share of the GPU events of the previous one is incomplete, and is omitted. */
const TAIL = 0.8;

/**
 * Its steps: the host's marks or, without marks, all of the host's operators. Each starts no earlier than the end of the previous
 * one, and ends no earlier than the last GPU event launched by a call inside it. The first starts after the GPU events of calls
 * outside of steps that end before its own first GPU event.
 */
function tbPluginWindows(trace: Trace): readonly TbWindow[] {
  const marks = trace.steps.length > 0 ? trace.steps : wholeRecording(trace);
  const { gpu } = trace;
  const stepOf = stepsOfGpuEvents(trace, marks);
  const reached = marks.map(() => ({ first: Number.POSITIVE_INFINITY, last: Number.NEGATIVE_INFINITY, count: 0 }));
  for (let row = 0; row < gpu.length; row += 1) {
    if (stepOf[row] < 0) continue;
    const one = reached[stepOf[row]];
    one.first = Math.min(one.first, gpu.ts[row]);
    one.last = Math.max(one.last, gpu.ts[row] + gpu.dur[row]);
    one.count += 1;
  }
  if (reached.every(({ count }) => count === 0))
    return marks.map(({ name, ts, dur }) => ({ name, start: ts, end: ts + dur }));
  let before = marks[0].ts;
  if (reached[0].count > 0)
    for (let row = 0; row < gpu.length; row += 1) {
      const end = gpu.ts[row] + gpu.dur[row];
      if (stepOf[row] < 0 && end < reached[0].first) before = Math.max(before, end);
    }
  const windows = marks.map(({ name, ts, dur }, index) => {
    const start = Math.max(before, ts);
    const end = Math.max(ts + dur, reached[index].last, start);
    before = end;
    return { name, start, end };
  });
  return windows.slice(0, keptSteps(reached.map(({ count }) => count)));
}

function keptSteps(counts: readonly number[]): number {
  const last = counts.findLastIndex((count) => count > 0);
  return last > 0 && counts[last] < TAIL * counts[last - 1] ? last : last + 1;
}

/** The step whose mark holds the whole call that launched a GPU event; -1 without one. */
function stepsOfGpuEvents(trace: Trace, marks: readonly { readonly ts: number; readonly dur: number }[]): Int32Array {
  const { gpu, host } = trace;
  const { ofGpu } = joinLaunches(trace);
  const found = new Int32Array(gpu.length).fill(-1);
  for (let row = 0; row < gpu.length; row += 1) {
    const call = ofGpu[row];
    if (call < 0) continue;
    const end = host.ts[call] + host.dur[call];
    found[row] = marks.findIndex(({ ts, dur }) => host.ts[call] >= ts && end <= ts + dur);
  }
  return found;
}

/** From the first operator to the last; annotations and Python frames around them do not count. */
function wholeRecording({ host }: Trace) {
  let start = Number.POSITIVE_INFINITY;
  let end = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < host.length; row += 1) {
    if (host.kind[row] !== hostKinds.op) continue;
    start = Math.min(start, host.ts[row]);
    end = Math.max(end, host.ts[row] + host.dur[row]);
  }
  return end > start ? [{ name: 'ProfilerStep#0', ts: start, dur: end - start }] : [];
}

function roleSpans({ gpu, host, names }: Trace, extra: ExtraRows): Readonly<Record<Role, Spans>> {
  const lists = new Map<Role, { starts: number[]; ends: number[] }>(
    roles.map((role) => [role, { starts: [], ends: [] }]),
  );
  const add = (role: Role, start: number, dur: number) => {
    const list = lists.get(role);
    list?.starts.push(start);
    list?.ends.push(start + dur);
  };
  for (let row = 0; row < gpu.length; row += 1)
    add(
      gpu.kind[row] === gpuKinds.kernel ? 'Kernel' : gpu.kind[row] === gpuKinds.memcpy ? 'Memcpy' : 'Memset',
      gpu.ts[row],
      gpu.dur[row],
    );
  for (let row = 0; row < host.length; row += 1) {
    const role = hostRole(host.kind[row], names.text(host.name[row]));
    if (role !== undefined) add(role, host.ts[row], host.dur[row]);
  }
  for (const { kind, name, ts, dur } of extra) {
    const role = hostRole(hostKinds[kind], name);
    if (role !== undefined) add(role, ts, dur);
  }
  const of = (role: Role) => {
    const list = lists.get(role);
    return list === undefined || list.starts.length === 0 ? noSpans : unionOf(list.starts, list.ends);
  };
  return {
    Kernel: of('Kernel'),
    Memcpy: of('Memcpy'),
    Memset: of('Memset'),
    Communication: of('Communication'),
    Runtime: of('Runtime'),
    DataLoader: of('DataLoader'),
    CpuOp: of('CpuOp'),
  };
}

function hostRole(kind: number, name: string): Role | undefined {
  if (name.startsWith('enumerate(DataLoader)')) return 'DataLoader';
  if (kind === hostKinds.runtime) return 'Runtime';
  if (kind !== hostKinds.op && kind !== hostKinds.annotation) return undefined;
  return communicationOps.has(name) ? 'Communication' : 'CpuOp';
}

/** The operators that tb_plugin knows as communication; any other `nccl:…` is a host operator to it. */
const communicationOps = new Set(
  ['broadcast', 'reduce', 'all_reduce', 'all_gather', 'reduce_scatter'].flatMap((name) => [
    `nccl:${name}`,
    `gloo:${name}`,
  ]),
);

/** Mean costs over all steps, and utilisation and estimated SM efficiency from the first step to the last. */
export function tbPluginNumbers(trace: Trace): readonly ScopedNumber[] {
  const steps = [...tbPluginSteps(trace).values()];
  const mean = (role: keyof StepCosts) => steps.reduce((sum, costs) => sum + costs[role], 0) / steps.length;
  const costs =
    steps.length === 0
      ? []
      : ([...roles, 'Other', 'Total'] as const).map(
          (role): ScopedNumber => ({ name: role, value: mean(role), unit: 'µs' }),
        );
  return [...costs, ...utilisation(trace)];
}

/** Of the device with most kernels: union of kernels, and of min(blocks per SM, 1), over the window of all steps. */
function utilisation(trace: Trace): readonly ScopedNumber[] {
  const { gpu } = trace;
  const rows = Array.from({ length: gpu.length }, (_, row) => row).filter((row) => gpu.kind[row] === gpuKinds.kernel);
  if (rows.length === 0) return [];
  const windows = tbPluginWindows(trace);
  if (windows.length === 0) return [];
  const start = windows[0].start;
  const end = windows[windows.length - 1].end;
  const kernels = unionOf(
    rows.map((row) => gpu.ts[row]),
    rows.map((row) => gpu.ts[row] + gpu.dur[row]),
  );
  let occupied = 0;
  let weight = 0;
  for (const row of rows) {
    if (Number.isNaN(gpu.occupancy[row])) continue;
    occupied += gpu.occupancy[row] * gpu.dur[row];
    weight += gpu.dur[row];
  }
  return [
    { name: 'GPU utilization', value: lengthOf(clip(kernels, start, end)) / (end - start), unit: 'share' },
    { name: 'Est. SM efficiency', value: smEfficiency(trace, rows, start, end), unit: 'share' },
    { name: 'Est. achieved occupancy', value: weight === 0 ? null : occupied / weight, unit: '%' },
  ];
}

/** Where kernels overlap, the sum of their SM shares counts, at most 1. */
function smEfficiency({ gpu }: Trace, rows: readonly number[], start: number, end: number): number {
  const edges: { at: number; change: number }[] = [];
  for (const row of rows) {
    const share = Math.min(Number.isNaN(gpu.blocksPerSm[row]) ? 0 : gpu.blocksPerSm[row], 1);
    const from = Math.max(gpu.ts[row], start);
    const to = Math.min(gpu.ts[row] + gpu.dur[row], end);
    if (to > from) edges.push({ at: from, change: share }, { at: to, change: -share });
  }
  edges.sort((a, b) => a.at - b.at);
  let level = 0;
  let area = 0;
  for (const [index, { at, change }] of edges.entries()) {
    if (index > 0) area += Math.min(Math.max(level, 0), 1) * (at - edges[index - 1].at);
    level += change;
  }
  return area / (end - start);
}
