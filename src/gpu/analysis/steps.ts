import { hostKinds, type Trace } from '../trace/trace.ts';
import type { Launches } from './launches.ts';
import { namedRange } from './named-range.ts';
import { medianOf } from './statistics.ts';
import { stepMarks } from './step-marks.ts';

/** Why a step is left out of the steady ones. */
export const leftOutTexts = {
  'first step': 'first step',
  'cut off': 'cut off: fewer GPU events',
  'warm-up': 'warm-up: allocation or module load',
  outlier: 'outlier: much longer than the median step',
} as const;
export type LeftOut = keyof typeof leftOutTexts;

/**
 * A window that counts as one step. `stretched`: from the later of the host's step mark and the end of the previous step, to
 * the later of the mark's end and the end of the last GPU event launched inside. Without step marks: `range`, the shortest
 * named range in which most of the work was launched, so that start-up and teardown are outside. Without such a range:
 * `span`, from the first to the last GPU event.
 */
export interface StepWindow {
  readonly kind: 'stretched' | 'range' | 'span';
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly gpuEvents: number;
  /** Undefined for a steady step. */
  readonly leftOut: LeftOut | undefined;
}

/** The names of each kind of window in reports. */
export const windowNames = { stretched: 'stretched steps', range: 'named range', span: 'GPU span' } as const;

/** The windows of a trace for the GPU events `rows`, in order of time. Empty without GPU events. */
export function stepWindows(trace: Trace, rows: ArrayLike<number>, launches: Launches): readonly StepWindow[] {
  if (rows.length === 0) return [];
  const marks = stepMarks(trace, rows, launches);
  const windows: { name: string; start: number; end: number; gpuEvents: number }[] = [];
  let before = Number.NEGATIVE_INFINITY;
  const launched = lastEndsOf(trace, rows, launches, marks);
  for (const [index, { name, ts, dur }] of marks.entries()) {
    const start = Math.max(ts, before);
    const end = Math.max(ts + dur, launched[index].end);
    if (end <= start) continue;
    windows.push({ name, start, end, gpuEvents: launched[index].count });
    before = end;
  }
  if (windows.length === 0) return [namedRange(trace, rows, launches) ?? gpuSpan(trace, rows)];
  const reasons = reasonsToLeaveOut(trace, windows);
  return windows.map((window, index) => ({ kind: 'stretched', ...window, leftOut: reasons[index] }));
}

function gpuSpan({ gpu }: Trace, rows: ArrayLike<number>): StepWindow {
  let start = Number.POSITIVE_INFINITY;
  let end = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < rows.length; index += 1) {
    start = Math.min(start, gpu.ts[rows[index]]);
    end = Math.max(end, gpu.ts[rows[index]] + gpu.dur[rows[index]]);
  }
  return { kind: 'span', name: 'GPU span', start, end, gpuEvents: rows.length, leftOut: undefined };
}

function lastEndsOf(
  { gpu, host }: Trace,
  rows: ArrayLike<number>,
  { ofGpu }: Launches,
  marks: readonly { readonly ts: number; readonly dur: number }[],
): readonly { end: number; count: number }[] {
  const found = marks.map(() => ({ end: Number.NEGATIVE_INFINITY, count: 0 }));
  for (let index = 0; index < rows.length; index += 1) {
    const launch = ofGpu[rows[index]];
    if (launch < 0) continue;
    const step = stepAt(marks, host.ts[launch]);
    if (step < 0) continue;
    found[step].count += 1;
    found[step].end = Math.max(found[step].end, gpu.ts[rows[index]] + gpu.dur[rows[index]]);
  }
  return found;
}

/** The index of the mark that holds a time, by binary search; -1 if none does. */
function stepAt(marks: readonly { readonly ts: number; readonly dur: number }[], time: number): number {
  let low = 0;
  let high = marks.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (marks[middle].ts > time) high = middle - 1;
    else low = middle + 1;
  }
  return high >= 0 && time <= marks[high].ts + marks[high].dur ? high : -1;
}

const startUpCall =
  /^(cuda|hip)(Malloc|Free|MallocHost|HostAlloc|FreeHost|ModuleLoad\w*|DeviceReset)$|^cu(ModuleLoad|LibraryLoad)/;

/** Calls that only a program that starts makes: allocation, module load; their share of the step that is still steady. */
const START_UP_SHARE = 0.05;
const OUTLIER = 1.25;

function reasonsToLeaveOut(
  { host, names }: Trace,
  windows: readonly { start: number; end: number; gpuEvents: number }[],
): readonly (LeftOut | undefined)[] {
  const reasons: (LeftOut | undefined)[] = windows.map(() => undefined);
  const last = windows.length - 1;
  if (last < 1) return reasons;
  if (windows[last].gpuEvents < 0.8 * windows[last - 1].gpuEvents) reasons[last] = 'cut off';
  if (last < 2) return reasons;
  const startUp = windows.map(() => 0);
  const isStartUp = names.tester(startUpCall);
  const marks = windows.map(({ start, end }) => ({ ts: start, dur: end - start }));
  for (let row = 0; row < host.length; row += 1) {
    if (host.kind[row] < hostKinds.runtime || host.dur[row] < 100 || !isStartUp(host.name[row])) continue;
    const step = stepAt(marks, host.ts[row]);
    if (step >= 0) startUp[step] += host.dur[row];
  }
  for (const [index, { start, end }] of windows.entries())
    if (startUp[index] > START_UP_SHARE * (end - start)) reasons[index] ??= 'warm-up';
  reasons[0] ??= 'first step';
  const middle = medianOf(
    windows.filter((_, index) => reasons[index] === undefined).map(({ start, end }) => end - start),
  );
  for (const [index, { start, end }] of windows.entries())
    if (end - start > OUTLIER * middle) reasons[index] ??= 'outlier';
  return reasons.every((reason) => reason !== undefined) ? windows.map(() => undefined) : reasons;
}
