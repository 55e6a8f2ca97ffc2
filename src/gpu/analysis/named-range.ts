import { firstAbove, firstAtLeast } from '../intervals.ts';
import { hostKinds, type Trace } from '../trace/trace.ts';
import type { Launches } from './launches.ts';
import type { StepWindow } from './steps.ts';

/** More than half of the GPU's work is the work that the program is about. */
const MAJORITY = 0.5;
/** Start-up and teardown have at most this much work for their time, of that of the range for its own. */
const SPARSE = 0.5;

/**
 * The named range of an Nsight capture that tells the work of the program from its start-up and teardown; undefined if there is
 * none. Of the ranges that hold most of the work it is the one whose share of the work exceeds its share of the time by most
 * (Youden's index of work against time): a loop after a long warm-up may hold 60 %, and a range around all of it says nothing.
 * Ranges of one name, such as `forward`, count together, from the first to the last. Its end is that of the work launched in it.
 */
export function namedRange(trace: Trace, rows: ArrayLike<number>, launches: Launches): StepWindow | undefined {
  if (trace.source !== 'nsys') return undefined;
  const work = launchedWork(trace, rows, launches);
  const total = work.until[work.until.length - 1] ?? 0;
  const span = captureOf(trace);
  let best: (Candidate & { readonly count: number }) | undefined;
  let most = 0;
  for (const one of candidatesOf(trace)) {
    const from = firstAtLeast(work.times, one.start);
    const to = firstAbove(work.times, one.end);
    const held = to <= from ? 0 : (work.until[to] - work.until[from]) / total;
    const time = Math.min((one.end - one.start) / (span.end - span.start), 1);
    const surplus = held - time;
    // Outside of it the GPU works too: that is no start-up.
    const isSparseOutside = (1 - held) * time <= SPARSE * held * (1 - time);
    if (held <= MAJORITY || surplus <= most || !isSparseOutside) continue;
    most = surplus;
    best = { ...one, count: to - from };
  }
  if (best === undefined) return undefined;
  const { name, start, count } = best;
  const end = Math.max(best.end, lastEnd(trace, rows, launches, start, best.end));
  return { kind: 'range', name: trace.names.text(name), start, end, gpuEvents: count, leftOut: undefined };
}

interface Candidate {
  readonly name: number;
  readonly start: number;
  readonly end: number;
}

/** Each range, and the time from the first to the last one of each name. */
function* candidatesOf({ host }: Trace): Iterable<Candidate> {
  const byName = new Map<number, { name: number; start: number; end: number; us: number }>();
  for (let row = 0; row < host.length; row += 1) {
    if (host.kind[row] !== hostKinds.annotation || host.dur[row] <= 0) continue;
    const [name, start, end] = [host.name[row], host.ts[row], host.ts[row] + host.dur[row]];
    yield { name, start, end };
    const known = byName.get(name) ?? { name, start, end, us: 0 };
    byName.set(name, {
      name,
      start: Math.min(known.start, start),
      end: Math.max(known.end, end),
      us: known.us + end - start,
    });
  }
  // Short calls that are marked now and then, such as those of NCCL, are no part of the time between them.
  for (const { us, ...family } of byName.values()) if (us > MAJORITY * (family.end - family.start)) yield family;
}

const captures = new WeakMap<Trace['gpu'], { readonly start: number; readonly end: number }>();

/** From the first to the last event of a capture. */
export function captureOf({ gpu, host }: Trace): { readonly start: number; readonly end: number } {
  const known = captures.get(gpu);
  if (known !== undefined) return known;
  let start = Number.POSITIVE_INFINITY;
  let end = Number.NEGATIVE_INFINITY;
  for (const { ts, dur, length } of [gpu, host])
    for (let row = 0; row < length; row += 1) {
      start = Math.min(start, ts[row]);
      end = Math.max(end, ts[row] + dur[row]);
    }
  captures.set(gpu, { start, end });
  return { start, end };
}

/** Times of launches in order, and the GPU time that was launched before each of them. */
function launchedWork({ gpu, host }: Trace, rows: ArrayLike<number>, { ofGpu }: Launches) {
  const known = Int32Array.from(rows).filter((row) => ofGpu[row] >= 0);
  known.sort((a, b) => host.ts[ofGpu[a]] - host.ts[ofGpu[b]]);
  const times = new Float64Array(known.length);
  const until = new Float64Array(known.length + 1);
  for (let index = 0; index < known.length; index += 1) {
    times[index] = host.ts[ofGpu[known[index]]];
    until[index + 1] = until[index] + gpu.dur[known[index]];
  }
  return { times, until };
}

function lastEnd(
  { gpu, host }: Trace,
  rows: ArrayLike<number>,
  { ofGpu }: Launches,
  start: number,
  until: number,
): number {
  let last = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < rows.length; index += 1) {
    const launch = ofGpu[rows[index]];
    if (launch < 0 || host.ts[launch] < start || host.ts[launch] > until) continue;
    last = Math.max(last, gpu.ts[rows[index]] + gpu.dur[rows[index]]);
  }
  return last;
}
