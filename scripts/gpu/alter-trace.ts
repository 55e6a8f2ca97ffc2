import { workClassifier } from '../../src/gpu/analysis/decompose.ts';
import { GapFinder } from '../../src/gpu/analysis/gaps.ts';
import { joinLaunches } from '../../src/gpu/analysis/launches.ts';
import { firstAbove, sortedOrder } from '../../src/gpu/intervals.ts';
import { GpuEvents, gpuKinds, HostEvents, hostKinds, type Trace } from '../../src/gpu/trace/trace.ts';

/** A moment at which no GPU event runs: right after one ended; `next` is the GPU event that begins then. Microseconds. */
export interface Boundary {
  readonly at: number;
  readonly next: number;
}

/** Columns that may be written and may grow; growing takes the memory of a column over, so every one is copied. */
function copyOf(trace: Trace): Trace {
  const gpu = Object.assign(new GpuEvents(), slices(trace.gpu), { length: trace.gpu.length });
  const host = Object.assign(new HostEvents(), slices(trace.host), { length: trace.host.length });
  return { ...trace, gpu, host };
}

function slices(columns: object) {
  return Object.fromEntries(
    Object.entries(columns).flatMap(([name, column]) =>
      ArrayBuffer.isView(column) ? [[name, structuredClone(column)]] : [],
    ),
  );
}

/** Moves every time of a trace; `moved` must not decrease. Ends move as starts do, unless they are distinguished. */
function warped(trace: Trace, moved: (time: number) => number, movedEnd = moved): Trace {
  const copy = copyOf(trace);
  for (const events of [copy.gpu, copy.host]) {
    for (let row = 0; row < events.length; row += 1) {
      const start = moved(events.ts[row]);
      events.dur[row] = Math.max(movedEnd(events.ts[row] + events.dur[row]) - start, 0);
      events.ts[row] = start;
    }
  }
  const steps = trace.steps.map((step) => {
    const ts = moved(step.ts);
    return { ...step, ts, dur: Math.max(movedEnd(step.ts + step.dur) - ts, 0) };
  });
  return { ...copy, steps };
}

function gapsOf(trace: Trace) {
  const rows = Int32Array.from({ length: trace.gpu.length }, (_, row) => row);
  return new GapFinder(trace, rows, joinLaunches(trace)).between().filter(({ previous }) => previous >= 0);
}

/** Takes the idle time of the GPU out of a recorded trace, but for `leastUs` of each gap, and what came before and after. */
export function withoutGaps(trace: Trace, leastUs: number): Trace {
  const gaps = gapsOf(trace).filter(({ start, end }) => end - start > leastUs);
  const starts = Float64Array.from(gaps, ({ start }) => start + leastUs);
  const before = new Float64Array(gaps.length + 1);
  for (const [index, { start, end }] of gaps.entries()) before[index + 1] = before[index] + end - start - leastUs;
  let from = Number.POSITIVE_INFINITY;
  let until = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < trace.gpu.length; row += 1) {
    from = Math.min(from, trace.gpu.ts[row]);
    until = Math.max(until, trace.gpu.ts[row] + trace.gpu.dur[row]);
  }
  return warped(trace, (time) => {
    const inside = Math.min(Math.max(time, from), until);
    const index = firstAbove(starts, inside) - 1;
    if (index < 0) return inside;
    const { end } = gaps[index];
    return inside - before[index] - Math.min(inside - starts[index], end - starts[index]);
  });
}

/** Takes waiting out of collectives: each lasts `factor` of what it did. The time that they leave is idle. */
export function withShorterCollectives(trace: Trace, factor: number): Trace {
  const copy = copyOf(trace);
  const workOf = workClassifier(trace);
  for (let row = 0; row < copy.gpu.length; row += 1) if (workOf(row) === 'communication') copy.gpu.dur[row] *= factor;
  return copy;
}

/** The moments at which no GPU event runs, in order. */
export function boundariesOf(trace: Trace): readonly Boundary[] {
  return gapsOf(trace)
    .filter(({ next, start, end }) => next >= 0 && end > start)
    .map(({ start, next }) => ({ at: start, next }));
}

/** Inserts time at moments (in order): everything from there on is later, what spans one is longer. */
export function withTime(trace: Trace, moments: readonly number[], us: number): Trace {
  const at = Float64Array.from(moments);
  return warped(
    trace,
    (time) => time + us * lastAtMost(at, time),
    // What ends at a moment has ended before the time that is inserted.
    (time) => time + us * lastBelow(at, time),
  );
}

function lastAtMost(sorted: Float64Array, value: number): number {
  return firstAbove(sorted, value);
}

function lastBelow(sorted: Float64Array, value: number): number {
  let count = firstAbove(sorted, value);
  while (count > 0 && sorted[count - 1] === value) count -= 1;
  return count;
}

/** A host event, appended. */
export interface AddedCall {
  readonly kind: keyof typeof hostKinds;
  readonly name: string;
  readonly thread: number;
  readonly ts: number;
  readonly dur: number;
  readonly link?: number;
}

/** Appends host events to a trace made by the functions above. */
export function addHost(trace: Trace, calls: readonly AddedCall[]): void {
  const { host, names } = trace;
  for (const { kind, name, thread, ts, dur, link = -1 } of calls) {
    const row = host.row();
    host.ts[row] = ts;
    host.dur[row] = dur;
    host.name[row] = names.of(name);
    host.kind[row] = hostKinds[kind];
    host.thread[row] = thread;
    host.link[row] = link;
  }
}

/** A GPU event, appended, with the stream of another and a call that launches it. */
export interface AddedWork {
  readonly kind: keyof typeof gpuKinds;
  readonly name: string;
  readonly like: number;
  readonly ts: number;
  readonly dur: number;
  readonly bytes?: number;
  readonly call: string;
  readonly thread: number;
  readonly calledAt: number;
}

/** Appends GPU events and their launching calls to a trace made by the functions above. */
export function addGpu(trace: Trace, works: readonly AddedWork[]): void {
  const { gpu, host, names } = trace;
  let correlation = 1;
  for (let row = 0; row < host.length; row += 1) correlation = Math.max(correlation, host.link[row] + 1);
  for (let row = 0; row < gpu.length; row += 1) correlation = Math.max(correlation, gpu.correlation[row] + 1);
  for (const { kind, name, like, ts, dur, bytes, call, thread, calledAt } of works) {
    const row = gpu.row();
    gpu.ts[row] = ts;
    gpu.dur[row] = dur;
    gpu.name[row] = names.of(name);
    gpu.kind[row] = gpuKinds[kind];
    gpu.device[row] = gpu.device[like];
    gpu.stream[row] = gpu.stream[like];
    gpu.correlation[row] = correlation;
    gpu.bytes[row] = bytes ?? Number.NaN;
    gpu.blocksPerSm[row] = Number.NaN;
    gpu.occupancy[row] = Number.NaN;
    addHost(trace, [{ kind: 'runtime', name: call, thread, ts: calledAt, dur: 2, link: correlation }]);
    correlation += 1;
  }
}

/** Moves the call that launches a GPU event to a time; where many events have one call, their call. */
export function launchAt(trace: Trace, gpuRow: number, time: number, ofGpu: Int32Array): void {
  const call = ofGpu[gpuRow];
  if (call < 0) return;
  trace.host.dur[call] = Math.min(trace.host.dur[call], 2);
  trace.host.ts[call] = time - trace.host.dur[call];
}

/** Some of the boundaries, chosen at random, in order. */
export function someOf<T extends { readonly at: number }>(
  list: readonly T[],
  count: number,
  random: () => number,
): readonly T[] {
  const keys = list.map(() => random());
  const order = sortedOrder(keys);
  return [...order.subarray(0, count)].map((index) => list[index]).sort((a, b) => a.at - b.at);
}
