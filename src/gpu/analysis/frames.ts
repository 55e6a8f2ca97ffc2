import { sortedOrder } from '../intervals.ts';
import type { Trace } from '../trace/trace.ts';

/** A stretch of time on a host thread. */
export interface HostInterval {
  readonly thread: number;
  readonly start: number;
  readonly end: number;
}

/** Where a sweep is on each thread; keeps the sweep going over several calls with later and later intervals. */
export class FrameCursors {
  readonly #cursors = new Map<number, FrameCursor>();

  of(thread: number): FrameCursor {
    const known = this.#cursors.get(thread);
    if (known !== undefined) return known;
    const made = { at: 0, stack: new Int32Array(DEEPEST), depth: 0 };
    this.#cursors.set(thread, made);
    return made;
  }
}

interface FrameCursor {
  at: number;
  readonly stack: Int32Array;
  depth: number;
}

/** Nesting deeper than this is not followed. */
const DEEPEST = 1024;

/** The rows of each thread, sorted by start; of those that start together the longer first. */
export function rowsByThread({ host }: Trace): ReadonlyMap<number, Int32Array> {
  const counts = new Map<number, number>();
  for (let row = 0; row < host.length; row += 1) counts.set(host.thread[row], (counts.get(host.thread[row]) ?? 0) + 1);
  const lists = new Map([...counts].map(([thread, count]) => [thread, { rows: new Int32Array(count), used: 0 }]));
  for (let row = 0; row < host.length; row += 1) {
    const list = lists.get(host.thread[row]);
    if (list !== undefined) list.rows[list.used++] = row;
  }
  const sorted = new Map<number, Int32Array>();
  for (const [thread, { rows }] of lists) {
    let inOrder = true;
    for (let index = 1; index < rows.length && inOrder; index += 1) inOrder = !isBefore(rows[index], rows[index - 1]);
    sorted.set(thread, inOrder ? rows : rows.sort((a, b) => (isBefore(a, b) ? -1 : 1)));
  }
  return sorted;

  function isBefore(a: number, b: number): boolean {
    return (
      host.ts[a] < host.ts[b] ||
      (host.ts[a] === host.ts[b] && (host.dur[a] > host.dur[b] || (host.dur[a] === host.dur[b] && a < b)))
    );
  }
}

/**
 * Hot path. Walks host intervals (disjoint within a thread) and calls `visit` for every stretch with one and the same stack
 * of events: the stack from the outermost to the innermost, of which `depth` entries count.
 */
export function sweepFrames<Interval extends HostInterval>(
  trace: Trace,
  threads: ReadonlyMap<number, Int32Array>,
  intervals: readonly Interval[],
  cursors: FrameCursors,
  visit: (interval: Interval, from: number, to: number, stack: Int32Array, depth: number) => void,
): void {
  const { host } = trace;
  const order = sortedOrder(intervals.map(({ start }) => start));
  for (const index of order) {
    const interval = intervals[index];
    const rows = threads.get(interval.thread) ?? new Int32Array(0);
    const cursor = cursors.of(interval.thread);
    let time = interval.start;
    while (time < interval.end) {
      while (cursor.at < rows.length && host.ts[rows[cursor.at]] <= time) push(cursor, rows[cursor.at++]);
      while (cursor.depth > 0 && endOf(cursor.stack[cursor.depth - 1]) <= time) cursor.depth -= 1;
      let next = interval.end;
      if (cursor.at < rows.length) next = Math.min(next, host.ts[rows[cursor.at]]);
      if (cursor.depth > 0) next = Math.min(next, endOf(cursor.stack[cursor.depth - 1]));
      visit(interval, time, next, cursor.stack, cursor.depth);
      time = next;
    }
  }

  function endOf(row: number): number {
    return host.ts[row] + host.dur[row];
  }

  function push(cursor: FrameCursor, row: number): void {
    while (cursor.depth > 0 && endOf(cursor.stack[cursor.depth - 1]) <= host.ts[row]) cursor.depth -= 1;
    if (cursor.depth < DEEPEST) cursor.stack[cursor.depth++] = row;
  }
}
