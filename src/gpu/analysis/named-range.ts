import { firstAbove, firstAtLeast } from '../intervals.ts';
import { hostKinds, type Trace } from '../trace/trace.ts';
import type { Launches } from './launches.ts';
import type { StepWindow } from './steps.ts';

/** A range in which so much of the GPU's work was launched is the work that the program is about. */
const HOLDS_FROM = 0.8;

/**
 * The shortest named range of an Nsight capture in which most of the GPU's work was launched, up to the end of that work;
 * undefined if there is none. The time before and after it is start-up and teardown.
 */
export function namedRange(trace: Trace, rows: ArrayLike<number>, launches: Launches): StepWindow | undefined {
  if (trace.source !== 'nsys') return undefined;
  const { host, names } = trace;
  const work = launchedWork(trace, rows, launches);
  const total = work.until[work.until.length - 1] ?? 0;
  let best = -1;
  let count = 0;
  for (let row = 0; row < host.length; row += 1) {
    if (host.kind[row] !== hostKinds.annotation || host.dur[row] <= 0) continue;
    if (best >= 0 && host.dur[row] >= host.dur[best]) continue;
    const from = firstAtLeast(work.times, host.ts[row]);
    const to = firstAbove(work.times, host.ts[row] + host.dur[row]);
    if (to <= from || work.until[to] - work.until[from] < HOLDS_FROM * total) continue;
    best = row;
    count = to - from;
  }
  if (best < 0) return undefined;
  const start = host.ts[best];
  const until = start + host.dur[best];
  const end = Math.max(until, lastEnd(trace, rows, launches, start, until));
  return { kind: 'range', name: names.text(host.name[best]), start, end, gpuEvents: count, leftOut: undefined };
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
