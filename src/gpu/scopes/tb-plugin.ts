import { joinLaunches } from '../analysis/launches.ts';
import { stepWindows } from '../analysis/steps.ts';
import { clip, lengthOf, noSpans, type Spans, span, subtract, unionOf } from '../intervals.ts';
import { gpuKinds, hostKinds, type Trace } from '../trace/trace.ts';
import type { ScopedNumber } from './scope.ts';

/** Roles in the order of priority: time that has several belongs to the first. */
const roles = ['Kernel', 'Memcpy', 'Memset', 'Communication', 'Runtime', 'DataLoader', 'CpuOp'] as const;
type Role = (typeof roles)[number];

/** The costs of one stretched step, in microseconds. */
export type StepCosts = Readonly<Record<Role | 'Other' | 'Total', number>>;

/**
 * kineto's tb_plugin: stretched steps, each instant charged to the first role that it has. Communication is the time of
 * host operators `nccl:…`; communication kernels are kernels here, as tb_plugin takes them on traces since 2021, where it
 * does not find their operator. Kernels of a step before the first one do not begin the first step later, as they do there.
 */
export function tbPluginSteps(trace: Trace): ReadonlyMap<string, StepCosts> {
  const windows = stepWindows(
    trace,
    Int32Array.from({ length: trace.gpu.length }, (_, row) => row),
    joinLaunches(trace),
  );
  const spans = roleSpans(trace);
  const steps = new Map<string, StepCosts>();
  for (const { name, start, end, kind } of windows) {
    if (kind === 'span') continue;
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

function roleSpans({ gpu, host, names }: Trace): Readonly<Record<Role, Spans>> {
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
  return name.startsWith('nccl:') ? 'Communication' : 'CpuOp';
}

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
  const windows = stepWindows(trace, rows, joinLaunches(trace));
  const marks = trace.steps;
  const start = marks.length > 0 ? marks[0].ts : windows[0].start;
  const end = marks.length > 0 ? windows[windows.length - 1].end : windows[0].end;
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
