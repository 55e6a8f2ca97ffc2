import { unionOf } from '../intervals.ts';
import { gpuKinds, hostKinds, type StepMark, type Trace } from '../trace/trace.ts';
import { type Attribution, Attributor, blockingCall, copyingCall, type HostPart } from './attribution.ts';
import { type BusySpans, busySpans, type Decomposition, decompose, workClassifier } from './decompose.ts';
import { rowsByThread } from './frames.ts';
import { clipGaps, GapFinder, type GapPiece, type GapSize, type GapSum, GapSums } from './gaps.ts';
import { joinLaunches, type Launches } from './launches.ts';
import { medianOf } from './statistics.ts';
import { type StepWindow, stepWindows } from './steps.ts';

/** All that the rules look at of one device of one trace. Sums are over the steady windows. Microseconds. */
export interface TraceFacts {
  readonly file: string;
  readonly trace: Trace;
  readonly device: number;
  readonly rows: Int32Array;
  readonly launches: Launches;
  /** The host events of each thread, in order. */
  readonly threads: ReadonlyMap<number, Int32Array>;
  readonly busy: BusySpans;
  readonly gaps: GapFinder;
  readonly windows: readonly StepWindow[];
  readonly steady: readonly StepWindow[];
  /** The median length of a steady window. */
  readonly stepUs: number;
  /** The steady window nearest to the median. */
  readonly typical: StepWindow;
  readonly sum: Decomposition;
  readonly gapSums: Readonly<Record<GapSize, GapSum>>;
  /** Gaps that begin with a copy of less than 4 KB to the host, or with a wait for the GPU. */
  readonly readBackGaps: number;
  readonly readBackCopies: ReadBackCopies;
  /** Queued parts that end gaps in which the host was late: the time from a launch to its start, which goes with the gap. */
  readonly startDelays: StartDelays;
  readonly attribution: Attribution;
  readonly queued: QueuedFacts;
  readonly hasLaunches: boolean;
  /** Whether the trace has operators or Python frames, without which host parts have no cause. */
  readonly hasHost: boolean;
}

/** The copies that the host waited for where such gaps begin. */
export interface ReadBackCopies {
  readonly rows: ReadonlySet<number>;
  /** The part of their time that nothing else hides, within the steady windows. */
  readonly exposedUs: number;
}

/** Time from launch to start at the end of gaps, by how the gap began; and all queued time before communication. */
export interface StartDelays {
  readonly afterReadBackUs: number;
  readonly otherUs: number;
  readonly beforeCommunicationUs: number;
}

/** A launch on an idle GPU starts within this time; what is queued for longer waits for something else. */
const STARTS_WITHIN_US = 50;

/** The queued parts of gaps: how much of them a blocking call of the host covers. */
export interface QueuedFacts {
  readonly us: number;
  readonly coveredUs: number;
  readonly coveredGaps: number;
  readonly calls: ReadonlyMap<string, number>;
}

/** The facts of each device of a trace, the busiest first; none of a device whose events have no length. */
export function traceFacts(file: string, trace: Trace): readonly TraceFacts[] {
  const launches = joinLaunches(trace);
  const threads = rowsByThread(trace);
  return [...rowsByDevice(trace)]
    .map(([device, rows]) => deviceFacts(file, trace, device, rows, launches, threads))
    .filter(({ sum }) => sum.totalUs > 0)
    .sort((a, b) => b.sum.busyUs - a.sum.busyUs);
}

/** The GPU events of each device, in the order of the trace. */
function rowsByDevice({ gpu }: Trace): ReadonlyMap<number, Int32Array> {
  const counts = new Map<number, number>();
  for (let row = 0; row < gpu.length; row += 1) counts.set(gpu.device[row], (counts.get(gpu.device[row]) ?? 0) + 1);
  const lists = new Map([...counts].map(([device, count]) => [device, { rows: new Int32Array(count), used: 0 }]));
  for (let row = 0; row < gpu.length; row += 1) {
    const list = lists.get(gpu.device[row]);
    if (list !== undefined) list.rows[list.used++] = row;
  }
  return new Map([...lists].map(([device, { rows }]) => [device, rows]));
}

function deviceFacts(
  file: string,
  trace: Trace,
  device: number,
  rows: Int32Array,
  launches: Launches,
  threads: ReadonlyMap<number, Int32Array>,
): TraceFacts {
  const busy = busySpans(trace, rows);
  const windows = stepWindows(trace, rows, launches);
  const steady = windows.filter(({ leftOut }) => leftOut === undefined);
  const lengths = steady.map(({ start, end }) => end - start);
  const stepUs = medianOf(lengths);
  const typical = steady.reduce((best, window) =>
    Math.abs(window.end - window.start - stepUs) < Math.abs(best.end - best.start - stepUs) ? window : best,
  );
  const gaps = new GapFinder(trace, rows, launches, { start: windows[0].start, end: windows[windows.length - 1].end });
  const sum = sumOf(steady.map(({ start, end }) => decompose(busy, start, end)));
  const waitingCopies = copiesThatWait(trace, rows, launches);
  const isAfterReadBack = readBackTest(trace, threads, waitingCopies);
  const attributor = new Attributor(trace, threads);
  const gapSums = new GapSums();
  const queued = new QueuedSum(trace, waitingCopies);
  let readBackGaps = 0;
  const readBackCopies = new Set<number>();
  const delays = { afterReadBackUs: 0, otherUs: 0, beforeCommunicationUs: 0 };
  const workOf = workClassifier(trace);
  for (const { start, end } of steady.flatMap((window) => [...gaps.parts(window.start, window.end)])) {
    const pieces = clipGaps(gaps.between(start, end), start, end);
    const submitted = pieces.map((piece) => submittedAtCall(trace, piece, waitingCopies));
    const parts = hostParts(trace, submitted, isAfterReadBack);
    for (const piece of pieces) {
      gapSums.add(piece);
      if (piece.gap.next >= 0 && workOf(piece.gap.next) === 'communication')
        delays.beforeCommunicationUs += piece.queuedUs;
    }
    for (const { afterReadBack, delayUs, previous } of parts) {
      if (afterReadBack && isSmallReadBack(trace, previous)) readBackCopies.add(previous);
      readBackGaps += Number(afterReadBack);
      delays[afterReadBack ? 'afterReadBackUs' : 'otherUs'] += Math.min(delayUs, STARTS_WITHIN_US);
    }
    queued.add(submitted);
    attributor.add(parts);
  }
  return {
    file,
    trace,
    device,
    rows,
    launches,
    threads,
    busy,
    gaps,
    windows,
    steady,
    stepUs,
    typical,
    sum,
    gapSums: gapSums.sums(),
    readBackGaps,
    readBackCopies: { rows: readBackCopies, exposedUs: exposedCopyUs(trace, busy, steady, [...readBackCopies]) },
    startDelays: delays,
    attribution: attributor.result(),
    queued: queued.facts(),
    hasLaunches: launches.any,
    hasHost: hasHostEvents(trace),
  };
}

function sumOf(parts: readonly Decomposition[]): Decomposition {
  const total = (pick: (part: Decomposition) => number) => parts.reduce((sum, part) => sum + pick(part), 0);
  const communicationUs = total((part) => part.communicationUs);
  const exposedCommunicationUs = total((part) => part.exposedCommunicationUs);
  return {
    totalUs: total((part) => part.totalUs),
    busyUs: total((part) => part.busyUs),
    idleUs: total((part) => part.idleUs),
    computationUs: total((part) => part.computationUs),
    communicationUs,
    exposedCommunicationUs,
    copyUs: total((part) => part.copyUs),
    exposedCopyUs: total((part) => part.exposedCopyUs),
    overlap: communicationUs === 0 ? null : (communicationUs - exposedCommunicationUs) / communicationUs,
  };
}

/** The time of some copies within windows that neither computation nor communication hides. */
function exposedCopyUs(
  { gpu: { ts, dur } }: Trace,
  busy: BusySpans,
  windows: readonly StepWindow[],
  rows: readonly number[],
): number {
  const copy = unionOf(
    rows.map((row) => ts[row]),
    rows.map((row) => ts[row] + dur[row]),
  );
  return windows.reduce((us, { start, end }) => us + decompose({ ...busy, copy }, start, end).exposedCopyUs, 0);
}

function hostParts(
  { host, steps }: Trace,
  pieces: readonly GapPiece[],
  isAfterReadBack: (piece: GapPiece, thread: number) => boolean,
): readonly (HostPart & { readonly delayUs: number; readonly previous: number })[] {
  const stepThread = (steps[0] satisfies StepMark | undefined)?.thread ?? 0;
  return pieces
    .filter(({ hostUs }) => hostUs > 0)
    .map((piece) => {
      const thread = piece.gap.launch >= 0 ? host.thread[piece.gap.launch] : stepThread;
      const afterReadBack = isAfterReadBack(piece, thread);
      return {
        thread,
        start: piece.start,
        end: piece.start + piece.hostUs,
        afterReadBack,
        delayUs: piece.queuedUs,
        previous: piece.gap.previous,
      };
    });
}

/** Copies to the host of up to this many bytes are results that the program waits for. */
const SMALL_COPY = 4096;
/** Whether a GPU event is such a copy. */
export function isSmallReadBack({ gpu, names }: Trace, row: number): boolean {
  return gpu.kind[row] === gpuKinds.memcpy && /DtoH/.test(names.text(gpu.name[row])) && !(gpu.bytes[row] >= SMALL_COPY);
}

/** The host returns from its wait soon after the GPU has run dry. */
const RETURNS_WITHIN_US = 200;

/**
 * Tells gaps that a read-back began: the host waited in a blocking call while the last GPU event ran, and that event was a
 * small copy to the host, or the wait ended just after it. The GPU runs dry although the host was ahead of it.
 */
function readBackTest(trace: Trace, threads: ReadonlyMap<number, Int32Array>, waitingCopies: ReadonlySet<number>) {
  const { gpu, host, names } = trace;
  const blocking = new Map<number, { starts: number[]; ends: number[] }>();
  const isBlocking = names.tester(blockingCall);
  for (const [thread, rows] of threads) {
    const calls = { starts: [] as number[], ends: [] as number[] };
    for (let index = 0; index < rows.length; index += 1) {
      const row = rows[index];
      if (host.kind[row] < hostKinds.runtime) continue;
      if (!isBlocking(host.name[row]) && !waitingCopies.has(row)) continue;
      calls.starts.push(host.ts[row]);
      calls.ends.push(host.ts[row] + host.dur[row]);
    }
    blocking.set(thread, calls);
  }
  return ({ gap }: GapPiece, thread: number): boolean => {
    const calls = blocking.get(thread);
    if (calls === undefined || gap.previous < 0) return false;
    const at = lastAtOrBefore(calls.starts, gap.start);
    if (at < 0) return false;
    const ended = calls.ends[at];
    if (ended < gap.start || ended > Math.min(gap.start + RETURNS_WITHIN_US, gap.split)) return false;
    const last = gap.previous;
    const smallCopy = gpu.kind[last] === gpuKinds.memcpy && /DtoH/.test(names.text(gpu.name[last]));
    return smallCopy ? !(gpu.bytes[last] >= SMALL_COPY) : ended - calls.starts[at] > 50;
  };
}

function lastAtOrBefore(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** A call in which the host may wait; `blocks` if it does whatever its length. */
interface QueuedCall {
  readonly name: number;
  readonly start: number;
  readonly end: number;
  readonly blocks: boolean;
}

/** A copy that covers so much of a wait is as long as the wait. */
const AS_LONG_AS = 0.8;

/** Copying calls that take this long have waited if they end after their copy. */
const WAITED_US = 50;

/** Asynchronous copies that keep the host: from or to pageable memory, or calls that end after the copy itself has ended. */
function copiesThatWait({ gpu, host, names }: Trace, rows: Int32Array, { ofGpu }: Launches): ReadonlySet<number> {
  const found = new Set<number>();
  const isCopy = names.tester(copyingCall);
  const isPageable = names.tester(/pageable/i);
  for (const row of rows) {
    const launch = ofGpu[row];
    if (launch < 0 || gpu.kind[row] !== gpuKinds.memcpy || !isCopy(host.name[launch])) continue;
    const after = host.ts[launch] + host.dur[launch] >= gpu.ts[row] + gpu.dur[row];
    if (isPageable(gpu.name[row]) || (after && host.dur[launch] > WAITED_US)) found.add(launch);
  }
  return found;
}

/** A copy that keeps the host is submitted when its call begins: the time until its gap ends is waiting, not launching. */
function submittedAtCall({ host }: Trace, piece: GapPiece, waitingCopies: ReadonlySet<number>): GapPiece {
  const { gap, start, end, hostUs } = piece;
  if (gap.launch < 0 || hostUs <= 0 || !waitingCopies.has(gap.launch)) return piece;
  const split = Math.min(Math.max(host.ts[gap.launch], start), end);
  return { ...piece, hostUs: split - start, queuedUs: end - split };
}

/** Adds up the queued parts of gaps, and how much of them a blocking call covers. */
class QueuedSum {
  readonly #names: Trace['names'];
  readonly #calls: readonly QueuedCall[];
  readonly #byName = new Map<string, number>();
  #first = 0;
  #us = 0;
  #coveredUs = 0;
  #coveredGaps = 0;

  constructor({ host, names }: Trace, waitingCopies: ReadonlySet<number>) {
    const calls: QueuedCall[] = [];
    const isBlocking = names.tester(blockingCall);
    const isCopy = names.tester(copyingCall);
    for (let row = 0; row < host.length; row += 1) {
      if (host.kind[row] < hostKinds.runtime || host.dur[row] <= 10) continue;
      const name = host.name[row];
      const blocks = isBlocking(name) || waitingCopies.has(row);
      if (blocks || isCopy(name)) calls.push({ name, start: host.ts[row], end: host.ts[row] + host.dur[row], blocks });
    }
    this.#names = names;
    this.#calls = calls.sort((a, b) => a.start - b.start);
  }

  /** Adds pieces in order of time, later than those added before. */
  add(pieces: readonly GapPiece[]): void {
    for (const piece of pieces) {
      if (piece.queuedUs <= 0) continue;
      this.#us += piece.queuedUs;
      this.#cover(piece.end - piece.queuedUs, piece.end);
    }
  }

  #cover(from: number, to: number): void {
    const calls = this.#calls;
    while (this.#first < calls.length && calls[this.#first].end <= from) this.#first += 1;
    let best = 0;
    let name = 0;
    for (let index = this.#first; index < calls.length && calls[index].start < to; index += 1) {
      const overlap = Math.min(calls[index].end, to) - Math.max(calls[index].start, from);
      // A copy that should return at once and is as long as the wait has waited.
      if (overlap > best && (calls[index].blocks || overlap >= AS_LONG_AS * (to - from))) {
        best = overlap;
        name = calls[index].name;
      }
    }
    if (best <= 0) return;
    this.#coveredUs += best;
    if (best > 50) this.#coveredGaps += 1;
    const text = this.#names.text(name);
    this.#byName.set(text, (this.#byName.get(text) ?? 0) + best);
  }

  facts(): QueuedFacts {
    return { us: this.#us, coveredUs: this.#coveredUs, coveredGaps: this.#coveredGaps, calls: this.#byName };
  }
}

function hasHostEvents({ host }: Trace): boolean {
  for (let row = 0; row < host.length; row += 1) if (host.kind[row] <= hostKinds.python) return true;
  return false;
}
