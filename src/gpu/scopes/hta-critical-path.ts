import { rowsByThread } from '../analysis/frames.ts';
import { chainThread } from '../analysis/host-chain.ts';
import { CorrelationIndex } from '../analysis/launches.ts';
import { edgeKinds, type PathEdge, PathGraph } from '../analysis/path-graph.ts';
import { hostKinds, type Trace } from '../trace/trace.ts';
import type { ScopedNumber } from './scope.ts';

const launchCall =
  /^(cuda(LaunchKernel(ExC)?|MemcpyAsync|MemsetAsync)|cuLaunchKernel|hip(LaunchKernel|ExtModuleLaunchKernel|MemsetAsync|MemcpyAsync|MemcpyWithStream))$/;
const blockingCall = /^cuda(DeviceSynchronize|StreamSynchronize|EventQuery|EventSynchronize|Memcpy(Async)?)$/;
const communication = /^nccl.*Kernel/;

/** The analysed part of a trace: from the first to the last instance of an annotation or step name. */
export interface PathWindow {
  readonly start: number;
  readonly end: number;
}

/** The critical path as HolisticTraceAnalysis defines it. */
export interface HtaPath {
  readonly graph: PathGraph;
  readonly edges: readonly PathEdge[];
  readonly events: number;
  /** Time by what bounds it: host, GPU computation, GPU communication, gaps between GPU events, launching. */
  readonly boundBy: Readonly<Record<'host' | 'compute' | 'communication' | 'between kernels' | 'launch', number>>;
}

/**
 * The longest path through operators, calls and GPU events of a window, as HolisticTraceAnalysis builds the graph: time of the
 * host outside of operators does not count, nor that of calls that wait; a kernel waits for its launch if nothing was
 * queued, else for the event before on its stream; recorded waits are edges of no length.
 */
export function htaCriticalPath(trace: Trace, window: PathWindow, faults: PathFaults = {}): HtaPath {
  return new HtaPathBuilder(trace, window, faults).path();
}

/** Faults of the tool that are repeated to show that they explain a difference. */
export interface PathFaults {
  readonly rounding?: boolean;
  /** Operators that it takes for GPU work. */
  readonly leftOut?: ((row: number) => boolean) | undefined;
}

class HtaPathBuilder {
  readonly #trace: Trace;
  readonly #window: PathWindow;
  readonly #rounding: boolean;
  readonly #leftOut: (row: number) => boolean;
  readonly #graph = new PathGraph();
  readonly #calls: CorrelationIndex;
  /** GPU events by correlation, the last of several. */
  readonly #launched = new Map<number, number>();
  readonly #ofHost = new Map<number, number>();
  readonly #ofGpu = new Map<number, number>();
  /** The rows of events, GPU rows below -1: `-2 - row`. */
  readonly #rows: number[] = [];

  constructor(trace: Trace, window: PathWindow, { rounding = false, leftOut = () => false }: PathFaults) {
    this.#trace = trace;
    this.#rounding = rounding;
    this.#leftOut = leftOut;
    this.#window = { start: this.#up(window.start), end: this.#down(window.end) };
    this.#calls = new CorrelationIndex(trace.host);
    const { gpu } = trace;
    for (let row = 0; row < gpu.length; row += 1)
      if (gpu.correlation[row] >= 0) this.#launched.set(gpu.correlation[row], row);
  }

  path(): HtaPath {
    this.#threads();
    this.#streams();
    const edges = this.#graph.longestPath();
    const events = new Set(edges.flatMap(({ from, to }) => [from >> 1, to >> 1]));
    const boundBy = { host: 0, compute: 0, communication: 0, 'between kernels': 0, launch: 0 };
    for (const { kind, weight, event } of edges)
      if (kind === edgeKinds.launch) boundBy.launch += weight;
      else if (kind === edgeKinds.stream) boundBy['between kernels'] += weight;
      else if (kind === edgeKinds.work) boundBy[this.#boundOf(event)] += weight;
    return { graph: this.#graph, edges, events: events.size, boundBy };
  }

  #boundOf(event: number): 'host' | 'compute' | 'communication' {
    const row = this.#rows[event];
    if (row >= 0) return 'host';
    const { gpu, names } = this.#trace;
    return communication.test(names.text(gpu.name[-2 - row])) ? 'communication' : 'compute';
  }

  #threads(): void {
    const { host, names } = this.#trace;
    const blocks = names.tester(blockingCall);
    const { start, end } = this.#window;
    for (const rows of rowsByThread(this.#trace).values()) {
      const inside = rows.filter((row) => {
        const ts = this.#up(host.ts[row]);
        return ts >= start && ts <= end && this.#down(host.ts[row] + host.dur[row]) > ts && !this.#leftOut(row);
      });
      const starts = (index: number) => this.#up(host.ts[inside[index]]);
      const ends = (index: number) => this.#down(host.ts[inside[index]] + host.dur[inside[index]]);
      const events = Array.from(inside, (row, index) => {
        if (host.kind[row] !== hostKinds.op && host.kind[row] < hostKinds.runtime) return -1;
        const event = this.#graph.event(starts(index), ends(index));
        this.#rows.push(row);
        this.#ofHost.set(row, event);
        return event;
      });
      chainThread(
        this.#graph,
        { count: inside.length, start: starts, end: ends, event: (index) => events[index] },
        { between: () => 0, waits: (index) => blocks(host.name[inside[index]]) },
      );
    }
  }

  #streams(): void {
    const { gpu, syncs } = this.#trace;
    const queues = this.#queues();
    const items: { at: number; sync: boolean; row: number }[] = [];
    for (let row = 0; row < gpu.length; row += 1) {
      const launch = this.#launchOf(row);
      if (launch < 0 || !this.#inWindow(launch) || this.#launched.get(gpu.correlation[row]) !== row) continue;
      items.push({ at: this.#up(gpu.ts[row]), sync: false, row });
      this.#ofGpu.set(row, this.#graph.event(this.#up(gpu.ts[row]), this.#down(gpu.ts[row] + gpu.dur[row])));
      this.#rows.push(-2 - row);
    }
    for (let row = 0; row < syncs.length; row += 1)
      items.push({ at: this.#down(syncs.ts[row] + syncs.dur[row]), sync: true, row });
    items.sort((a, b) => a.at - b.at);
    const last = new Map<string, number>();
    const waitsFor = new Map<number, number>();
    for (const { sync, row } of items)
      if (sync) this.#sync(row, last, waitsFor);
      else this.#kernel(row, last, waitsFor, queues);
  }

  #kernel(row: number, last: Map<string, number>, waitsFor: Map<number, number>, queues: Queues): void {
    const { host } = this.#trace;
    const event = this.#ofGpu.get(row) ?? -1;
    const start = 2 * event;
    const graph = this.#graph;
    graph.edge(start, start + 1, edgeKinds.work, graph.time(start + 1) - graph.time(start), event);
    const source = this.#ofGpu.get(waitsFor.get(row) ?? -1);
    const before = last.get(this.#streamOf(row));
    const launch = this.#launchOf(row);
    const launched = this.#up(host.ts[launch]);
    const sourceEnd = source === undefined ? Number.NEGATIVE_INFINITY : graph.time(2 * source + 1);
    const beforeEnd = before === undefined ? Number.NEGATIVE_INFINITY : graph.time(2 * before + 1);
    const call = this.#ofHost.get(launch);
    const behindLaunch =
      queues.atLaunch.get(row) === 1 && queues.atStart.get(row) === 0 && beforeEnd < launched && sourceEnd < launched;
    const behindEvent = !behindLaunch && before !== undefined && sourceEnd < beforeEnd;
    if (source !== undefined && !(behindEvent && source === before))
      graph.edge(2 * source + 1, start, edgeKinds.sync, 0);
    if (behindLaunch && call !== undefined)
      graph.edge(2 * call, start, edgeKinds.launch, graph.time(start) - graph.time(2 * call));
    else if (behindEvent) graph.edge(2 * before + 1, start, edgeKinds.stream, graph.time(start) - beforeEnd, before);
    last.set(this.#streamOf(row), event);
  }

  #sync(row: number, last: ReadonlyMap<string, number>, waitsFor: Map<number, number>): void {
    const { syncs, names } = this.#trace;
    const call = this.#calls.of(syncs.correlation[row]);
    const waiting = this.#ofHost.get(call);
    const release = (event: number | undefined) => {
      if (event !== undefined && waiting !== undefined)
        this.#graph.edge(2 * event + 1, 2 * waiting + 1, edgeKinds.sync, 0);
    };
    switch (names.text(syncs.name[row])) {
      case 'Context Sync':
        if (this.#inWindow(call)) for (const event of last.values()) release(event);
        return;
      case 'Stream Sync':
        if (this.#inWindow(call)) release(last.get(`${syncs.device[row]}/${syncs.stream[row]}`));
        return;
      case 'Event Sync': {
        const source = this.#recordedAfter(row);
        if (source !== undefined && this.#inWindow(call)) release(this.#ofGpu.get(source));
        return;
      }
      case 'Stream Wait Event': {
        const source = this.#recordedAfter(row);
        const next = this.#nextOnStream(row, call);
        if (source !== undefined && next !== undefined) waitsFor.set(next, source);
        return;
      }
      default:
    }
  }

  /** The GPU event launched last, before the event was recorded, on the stream on which it was. */
  #recordedAfter(row: number): number | undefined {
    const { syncs, host, gpu } = this.#trace;
    const record = this.#calls.of(syncs.recordCorrelation[row]);
    if (syncs.recordStream[row] < 0 || record < 0) return undefined;
    return this.#closest((event, launch) => {
      const fits = gpu.stream[event] === syncs.recordStream[row] && gpu.device[event] === syncs.device[row];
      return fits && host.ts[launch] <= host.ts[record] ? host.ts[launch] : Number.NaN;
    });
  }

  /** The GPU event launched first, after the call that waits, by its thread on its stream. */
  #nextOnStream(row: number, call: number): number | undefined {
    const { syncs, host, gpu } = this.#trace;
    if (call < 0) return undefined;
    return this.#closest((event, launch) => {
      const fits = gpu.stream[event] === syncs.stream[row] && host.thread[launch] === host.thread[call];
      return fits && host.ts[launch] >= host.ts[call] ? -host.ts[launch] : Number.NaN;
    });
  }

  /** The linked GPU event with the greatest measure; NaN is none. */
  #closest(measure: (event: number, launch: number) => number): number | undefined {
    let best: number | undefined;
    let most = Number.NEGATIVE_INFINITY;
    for (const event of this.#launched.values()) {
      const launch = this.#launchOf(event);
      const value = launch < 0 ? Number.NaN : measure(event, launch);
      if (value >= most) {
        most = value;
        best = event;
      }
    }
    return best;
  }

  /** Launched events that have not started on the stream of an event, just after its launch and just after its start. */
  #queues(): Queues {
    const { gpu, host, names } = this.#trace;
    const counts = names.tester(launchCall);
    const streams = new Map<string, { at: number; change: number; row: number }[]>();
    for (let row = 0; row < gpu.length; row += 1) {
      const launch = this.#launchOf(row);
      if (launch < 0 || !counts(host.name[launch])) continue;
      const moments = streams.get(this.#streamOf(row)) ?? [];
      moments.push({ at: this.#up(host.ts[launch]), change: 1, row }, { at: this.#up(gpu.ts[row]), change: -1, row });
      streams.set(this.#streamOf(row), moments);
    }
    const atLaunch = new Map<number, number>();
    const atStart = new Map<number, number>();
    for (const moments of streams.values()) {
      let length = 0;
      for (const { change, row } of moments.sort((a, b) => a.at - b.at || b.change - a.change)) {
        length += change;
        (change > 0 ? atLaunch : atStart).set(row, length);
      }
    }
    return { atLaunch, atStart };
  }

  #launchOf(row: number): number {
    const correlation = this.#trace.gpu.correlation[row];
    return correlation < 0 ? -1 : this.#calls.of(correlation);
  }

  #streamOf(row: number): string {
    const { gpu } = this.#trace;
    return `${gpu.device[row]}/${gpu.stream[row]}`;
  }

  #inWindow(call: number): boolean {
    if (call < 0) return false;
    const { host } = this.#trace;
    const ts = this.#up(host.ts[call]);
    return ts >= this.#window.start && ts <= this.#window.end && this.#down(host.ts[call] + host.dur[call]) > ts;
  }

  #up(us: number): number {
    return this.#rounding ? Math.ceil(us) : us;
  }

  #down(us: number): number {
    return this.#rounding ? Math.floor(us) : us;
  }
}

interface Queues {
  readonly atLaunch: ReadonlyMap<number, number>;
  readonly atStart: ReadonlyMap<number, number>;
}

/** The numbers of the critical path of the first step, or of the whole trace without steps. */
export function pathNumbers({ edges, events, boundBy }: HtaPath): readonly ScopedNumber[] {
  return [
    { name: 'critical path, nodes', value: edges.length + 1, unit: '' },
    { name: 'critical path, events', value: events, unit: 'events' },
    { name: 'critical path, edges', value: edges.length, unit: '' },
    ...Object.entries(boundBy).map(
      ([what, value]): ScopedNumber => ({ name: `critical path, ${what}`, value, unit: 'µs' }),
    ),
  ];
}
