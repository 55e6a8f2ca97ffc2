import type { StepMark, Trace } from '../trace/trace.ts';
import type { Launches } from './launches.ts';
import { captureOf } from './named-range.ts';

/** A range that begins this much of its own length before another one ends overlaps it. */
const OVERLAP = 0.05;

/**
 * The marks that are steps of a GPU: of the thread that launches its work, of one family of names (`iteration 1`,
 * `iteration 2`), none of which holds or overlaps another. A range that nests or never closes is no step. In order of time.
 */
export function stepMarks(trace: Trace, rows: ArrayLike<number>, launches: Launches): readonly StepMark[] {
  const marks = ofOneThread(
    trace.steps.filter((mark) => mark.dur > 0 && !neverCloses(mark, trace)),
    trace,
    rows,
    launches,
  );
  const families = Map.groupBy(marks, ({ name }) => name.replace(/\d+$/, '').toLowerCase());
  const disjoint = [...families.values()].map(withoutNesting);
  const repeated = disjoint.filter(({ length }) => length > 1);
  // Of steps and the parts that they are marked in, steps take longer.
  return (repeated.length > 0 ? repeated : disjoint).reduce<readonly StepMark[]>(
    (best, family) => (lengthOf(family) > lengthOf(best) ? family : best),
    [],
  );
}

/** An export of Nsight ends an open range where the recording stopped, long after the last event of the program. */
function neverCloses({ ts, dur }: StepMark, trace: Trace): boolean {
  return trace.source === 'nsys' && ts + dur - captureOf(trace).end > OVERLAP * dur;
}

function lengthOf(marks: readonly StepMark[]): number {
  return marks.reduce((us, { dur }) => us + dur, 0);
}

/** The marks of the thread that launches most of the GPU's work, of those that mark steps. */
function ofOneThread(
  marks: readonly StepMark[],
  { host }: Trace,
  rows: ArrayLike<number>,
  { ofGpu }: Launches,
): readonly StepMark[] {
  const threads = new Map(marks.map(({ thread }) => [thread, 0]));
  if (threads.size < 2) return marks;
  for (let index = 0; index < rows.length; index += 1) {
    const launch = ofGpu[rows[index]];
    const count = launch < 0 ? undefined : threads.get(host.thread[launch]);
    if (count !== undefined) threads.set(host.thread[launch], count + 1);
  }
  const [[thread]] = [...threads].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  return marks.filter((mark) => mark.thread === thread);
}

/** The marks of a family that hold no other one and end before the next begins. */
function withoutNesting(family: readonly StepMark[]): readonly StepMark[] {
  const kept: StepMark[] = [];
  // From the last: a range that never closes reaches over all that come after it.
  for (const mark of family.toReversed()) {
    const next = kept.at(-1);
    if (next === undefined || mark.ts + mark.dur - next.ts <= OVERLAP * Math.min(mark.dur, next.dur)) kept.push(mark);
  }
  return kept.reverse();
}
