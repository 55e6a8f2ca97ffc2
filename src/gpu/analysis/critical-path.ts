import { firstAbove } from '../intervals.ts';
import { hostKinds } from '../trace/trace.ts';
import { blockingCall } from './attribution.ts';
import { workClassifier } from './decompose.ts';
import { chainThread } from './host-chain.ts';
import { edgeKinds, PathGraph } from './path-graph.ts';
import type { TraceFacts } from './trace-facts.ts';

/** The kinds of time on a critical path. */
export const pathParts = [
  'operators',
  'runtime calls',
  'host outside of operators',
  'computation',
  'communication',
  'copies',
  'launch delay',
  'behind other GPU work',
  'waiting',
] as const;
export type PathPart = (typeof pathParts)[number];

/** The chain of events that bounds a typical step: making anything else faster does not make the step shorter. Microseconds. */
export interface CriticalPath {
  readonly step: string;
  readonly us: number;
  readonly parts: Readonly<Record<PathPart, number>>;
  /** Operators, calls and kernels with most time on the path. */
  readonly top: readonly { readonly name: string; readonly us: number }[];
}

/** A window with more events is not followed. */
const MOST_EVENTS = 400_000;
/** A GPU event that was submitted and begins so soon after one of another stream has waited for it. */
const FOLLOWS_WITHIN_US = 10;
/** A GPU event begins so soon after its launch if nothing holds it up. */
const LONGEST_LAUNCH_US = 100;
/** If another thread works for this long, this one waits for it. */
const HANDED_OVER_FROM_US = 50;

const paths = new WeakMap<TraceFacts, { readonly path: CriticalPath | undefined }>();

/** The critical path of the typical step of a device; undefined without launches, or if the window is too long to follow. */
export function criticalPath(facts: TraceFacts): CriticalPath | undefined {
  const known = paths.get(facts) ?? { path: findPath(facts) };
  paths.set(facts, known);
  return known.path;
}

/** The share of a critical path on which the host alone works, launching included. */
export function hostShareOf({ us, parts }: CriticalPath): number {
  return (parts.operators + parts['runtime calls'] + parts['host outside of operators'] + parts['launch delay']) / us;
}

function findPath(facts: TraceFacts): CriticalPath | undefined {
  if (!facts.hasLaunches) return undefined;
  const builder = new PathBuilder(facts);
  return builder.events > MOST_EVENTS ? undefined : builder.path();
}

class PathBuilder {
  readonly #facts: TraceFacts;
  readonly #graph: PathGraph;
  readonly #threads: readonly Int32Array[];
  readonly #gpuRows: readonly number[];
  /** The events of launching calls, by row. */
  readonly #calls = new Map<number, number>();
  /** The row of each event; those from `#firstGpu` are of the GPU. */
  readonly #rows: Int32Array;
  #firstGpu = 0;
  readonly #start: number;
  /** Ends of the outermost events after which another thread continues. */
  readonly #handedOver = new Set<number>();
  readonly events: number;

  constructor(facts: TraceFacts) {
    this.#facts = facts;
    const { host, gpu } = facts.trace;
    const { ofGpu } = facts.launches;
    const { start, end } = hostWindow(facts);
    this.#start = start;
    this.#threads = [...facts.threads.values()].map((rows) =>
      within(rows, host.ts, start, end).filter(
        (row) => host.dur[row] > 0 && (host.kind[row] === hostKinds.op || host.kind[row] >= hostKinds.runtime),
      ),
    );
    const launched = (row: number) => {
      const launch = ofGpu[row];
      return launch >= 0 && host.ts[launch] >= start && host.ts[launch] < end;
    };
    this.#gpuRows = Array.from(facts.rows.filter(launched)).sort((a, b) => gpu.ts[a] - gpu.ts[b]);
    // The first event is the beginning of the window.
    this.events = this.#threads.reduce((sum, rows) => sum + rows.length, this.#gpuRows.length + 1);
    const room = this.events > MOST_EVENTS ? 0 : this.events;
    this.#graph = new PathGraph(room);
    this.#rows = new Int32Array(room);
  }

  path(): CriticalPath | undefined {
    const { typical, trace, threads } = this.#facts;
    this.#rows[this.#graph.event(this.#start, this.#start)] = -1;
    const chains = this.#threads.map((rows) => this.#hostEvents(rows));
    const stepThread = trace.steps.find(({ name }) => name === typical.name)?.thread;
    const first = chains[[...threads.keys()].indexOf(stepThread ?? -1)]?.at(0);
    if (first !== undefined) this.#graph.edge(1, 2 * first, edgeKinds.next, this.#graph.time(2 * first) - this.#start);
    const { gpu } = trace;
    this.#firstGpu = this.events - this.#gpuRows.length;
    for (const row of this.#gpuRows) this.#rows[this.#graph.event(gpu.ts[row], this.#endOf(row))] = row;
    this.#handOver(chains);
    const ends = this.#gpuRows.map((_, index) => this.#firstGpu + index);
    ends.sort((a, b) => this.#graph.time(2 * a + 1) - this.#graph.time(2 * b + 1));
    for (const [index, rows] of this.#threads.entries()) this.#chain(rows, chains[index], ends);
    this.#streams();
    return this.#summary();
  }

  #hostEvents(rows: Int32Array): Int32Array {
    const { ts, dur, link } = this.#facts.trace.host;
    const starts = nestedStarts(this.#facts.trace.host, rows);
    return rows.map((row, index) => {
      const event = this.#graph.event(starts[index], ts[row] + dur[row]);
      this.#rows[event] = row;
      if (link[row] !== -1) this.#calls.set(row, event);
      return event;
    });
  }

  /** Where one thread pauses while another works (backward after forward), the second is between the two. */
  #handOver(chains: readonly Int32Array[]): void {
    const graph = this.#graph;
    const blocks = chains.map((events) => outermost(events, graph));
    for (const [own, list] of blocks.entries())
      for (let index = 1; index < list.length; index += 1) {
        const from = 2 * list[index - 1].last + 1;
        const to = 2 * list[index].first;
        const pause = graph.time(to) - graph.time(from);
        if (pause < HANDED_OVER_FROM_US) continue;
        for (const [other, others] of blocks.entries()) {
          const inside = other === own ? undefined : blocksWithin(others, graph, graph.time(from), graph.time(to));
          if (inside === undefined) continue;
          const [first, last] = [2 * inside.first, 2 * inside.last + 1];
          if (graph.time(last) - graph.time(first) < pause / 2) continue;
          graph.edge(from, first, edgeKinds.sync, graph.time(first) - graph.time(from));
          graph.edge(last, to, edgeKinds.sync, graph.time(to) - graph.time(last));
          this.#handedOver.add(from);
        }
      }
  }

  #chain(rows: Int32Array, events: Int32Array, gpuByEnd: readonly number[]): void {
    const { host, names } = this.#facts.trace;
    const graph = this.#graph;
    const blocks = names.tester(blockingCall);
    const ends = Float64Array.from(gpuByEnd, (event) => graph.time(2 * event + 1));
    /** The GPU event that ended last while a call waited; -1 if none did. */
    const waitedFor = (index: number) => {
      const row = rows[index];
      if (host.kind[row] < hostKinds.runtime || !blocks(host.name[row])) return -1;
      const at = firstAbove(ends, host.ts[row] + host.dur[row]) - 1;
      return at >= 0 && ends[at] > host.ts[row] ? gpuByEnd[at] : -1;
    };
    chainThread(
      graph,
      {
        count: rows.length,
        start: (index) => graph.time(2 * events[index]),
        end: (index) => host.ts[rows[index]] + host.dur[rows[index]],
        event: (index) => events[index],
      },
      {
        between: (from, to) => (this.#handedOver.has(from) ? 0 : graph.time(to) - graph.time(from)),
        waits: (index) => waitedFor(index) >= 0,
      },
    );
    for (let index = 0; index < rows.length; index += 1) {
      const source = waitedFor(index);
      if (source < 0) continue;
      const to = 2 * events[index] + 1;
      graph.edge(2 * source + 1, to, edgeKinds.sync, graph.time(to) - graph.time(2 * source + 1));
    }
  }

  /** Each GPU event waits for its launch, or for the event before on its stream, or for one of another stream. */
  #streams(): void {
    const { gpu, host, names } = this.#facts.trace;
    const { ofGpu } = this.#facts.launches;
    const graph = this.#graph;
    const blocks = names.tester(blockingCall);
    const last = new Map<number, number>();
    const busyUntil = this.#busyUntil();
    let latest = -1;
    const endOf = (event: number) => (event < 0 ? Number.NEGATIVE_INFINITY : graph.time(2 * event + 1));
    for (let index = 0; index < this.#gpuRows.length; index += 1) {
      const row = this.#gpuRows[index];
      const event = this.#firstGpu + index;
      const start = gpu.ts[row];
      const before = last.get(gpu.stream[row]) ?? -1;
      const launch = ofGpu[row];
      const launched = Math.min(host.ts[launch] + host.dur[launch], start);
      const call = this.#calls.get(launch) ?? -1;
      const ready = Math.max(endOf(before), launched);
      graph.edge(2 * event, 2 * event + 1, edgeKinds.work, gpu.dur[row], event);
      const follows = endOf(latest) <= start && start - endOf(latest) <= FOLLOWS_WITHIN_US;
      if (ready + FOLLOWS_WITHIN_US < start && follows)
        graph.edge(2 * latest + 1, 2 * event, edgeKinds.sync, start - endOf(latest));
      else if (call >= 0 && before < 0 && (busyUntil.get(gpu.stream[row]) ?? 0) > launched)
        graph.edge(2 * call, 2 * event, edgeKinds.stream, start - graph.time(2 * call));
      else if (call >= 0 && endOf(before) <= launched) {
        // Submitted work that does not start is not a launch: it waits for an unrecorded event.
        const waits = start - launched > LONGEST_LAUNCH_US || blocks(host.name[launch]);
        const kind = waits ? edgeKinds.sync : edgeKinds.launch;
        graph.edge(2 * call, 2 * event, kind, start - graph.time(2 * call));
      } else if (before >= 0) graph.edge(2 * before + 1, 2 * event, edgeKinds.stream, start - endOf(before));
      last.set(gpu.stream[row], event);
      if (endOf(event) > endOf(latest)) latest = event;
    }
  }

  /** Until when each stream is busy with events launched before the window. */
  #busyUntil(): ReadonlyMap<number, number> {
    const { gpu } = this.#facts.trace;
    const first = new Map<number, number>();
    for (const row of this.#gpuRows) if (!first.has(gpu.stream[row])) first.set(gpu.stream[row], gpu.ts[row]);
    const until = new Map<number, number>();
    const { rows } = this.#facts;
    for (let index = 0; index < rows.length; index += 1) {
      const row = rows[index];
      const end = this.#endOf(row);
      if (end <= (first.get(gpu.stream[row]) ?? Number.NEGATIVE_INFINITY))
        until.set(gpu.stream[row], Math.max(until.get(gpu.stream[row]) ?? 0, end));
    }
    return until;
  }

  #summary(): CriticalPath | undefined {
    const { host, names } = this.#facts.trace;
    const workOf = workClassifier(this.#facts.trace);
    const parts = new Float64Array(pathParts.length);
    // By the number of a name; and the names, in the order in which they come.
    const times = new Float64Array(names.count);
    const seen = new Uint8Array(names.count);
    const found: number[] = [];
    let us = 0;
    const path = this.#graph.longest();
    for (let index = 0; index < path.length; index += 1) {
      const { kind, weight, event } = this.#graph.edgeAt(path[index]);
      us += weight;
      const row = event < 0 ? -1 : this.#rows[event];
      const ofGpu = event >= this.#firstGpu;
      if (kind === edgeKinds.work && row >= 0) {
        const name = ofGpu ? this.#facts.trace.gpu.name[row] : host.name[row];
        times[name] += weight;
        if (seen[name] === 0) found.push(name);
        seen[name] = 1;
        parts[ofGpu ? gpuParts[workOf(row)] : host.kind[row] === hostKinds.op ? OPERATORS : CALLS] += weight;
      } else parts[partOfKind[kind] ?? WAITING] += weight;
    }
    const top = found.sort((a, b) => times[b] - times[a]).slice(0, 6);
    return us === 0
      ? undefined
      : {
          step: this.#facts.typical.name,
          us,
          parts: Object.fromEntries(pathParts.map((part, index) => [part, parts[index]])) as Record<PathPart, number>,
          top: top.map((name) => ({ name: names.text(name), us: times[name] })),
        };
  }

  #endOf(row: number): number {
    const { gpu } = this.#facts.trace;
    return gpu.ts[row] + gpu.dur[row];
  }
}

const indexOf = (part: PathPart) => pathParts.indexOf(part);
const OPERATORS = indexOf('operators');
const CALLS = indexOf('runtime calls');
const WAITING = indexOf('waiting');
const gpuParts = {
  compute: indexOf('computation'),
  communication: indexOf('communication'),
  copy: indexOf('copies'),
} as const;
const partOfKind: Readonly<Record<number, number>> = {
  [edgeKinds.next]: indexOf('host outside of operators'),
  [edgeKinds.launch]: indexOf('launch delay'),
  [edgeKinds.stream]: indexOf('behind other GPU work'),
};

/** When the host was in the typical step: the GPU does its work later. A span of GPU events was launched before it. */
function hostWindow({ trace, rows, launches, typical }: TraceFacts): { start: number; end: number } {
  const mark = typical.kind === 'stretched' ? trace.steps.find(({ name }) => name === typical.name) : undefined;
  if (mark !== undefined) return { start: mark.ts, end: mark.ts + mark.dur };
  let start = typical.start;
  for (let index = 0; index < rows.length; index += 1) {
    const row = rows[index];
    const launch = launches.ofGpu[row];
    if (launch >= 0 && trace.host.ts[launch] < start) start = trace.host.ts[launch];
  }
  return { start, end: typical.end };
}

/** The rows, sorted by start, that begin in a window. */
function within(rows: Int32Array, ts: Float64Array, start: number, end: number): Int32Array {
  const first = (bound: number) => {
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ts[rows[middle]] >= bound) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  return rows.subarray(first(start), first(end));
}

interface Block {
  readonly first: number;
  last: number;
}

/** The outermost events of a thread, those that overlap taken together. */
function outermost(events: Int32Array, graph: PathGraph): readonly Block[] {
  const blocks: Block[] = [];
  let until = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < events.length; index += 1) {
    const event = events[index];
    const end = graph.time(2 * event + 1);
    if (graph.time(2 * event) >= until) blocks.push({ first: event, last: event });
    else if (end > until) blocks[blocks.length - 1].last = event;
    until = Math.max(until, end);
  }
  return blocks;
}

/** Times of 16 digits are rounded to a quarter of a microsecond: events that follow each other may overlap by less than this. */
const ROUNDING_US = 1;

/** The starts of the events of a thread, in order; an event that overlaps the end of the previous one by a rounding follows it. */
function nestedStarts({ ts, dur }: TraceFacts['trace']['host'], rows: Int32Array): Float64Array {
  const starts = new Float64Array(rows.length);
  const open: number[] = [];
  let latest = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < rows.length; index += 1) {
    const row = rows[index];
    const end = ts[row] + dur[row];
    let start = Math.max(ts[row], Math.min(latest, end));
    for (let around = open.at(-1); around !== undefined && around < end; around = open.at(-1)) {
      if (around - start > ROUNDING_US) break;
      start = Math.max(start, around);
      open.pop();
    }
    starts[index] = start;
    latest = start;
    open.push(end);
  }
  return starts;
}

/** The first and the last event of the blocks in a span of time; undefined if there is none. */
function blocksWithin(blocks: readonly Block[], graph: PathGraph, start: number, end: number): Block | undefined {
  let low = 0;
  let high = blocks.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (graph.time(2 * blocks[middle].first) >= start) high = middle;
    else low = middle + 1;
  }
  let last = low;
  while (last < blocks.length && graph.time(2 * blocks[last].last + 1) <= end) last += 1;
  return last === low ? undefined : { first: blocks[low].first, last: blocks[last - 1].last };
}
