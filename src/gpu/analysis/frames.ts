import { sortedOrder } from '../intervals.ts';
import { sortRows } from '../sort-rows.ts';
import { grow } from '../trace/names.ts';
import type { Trace } from '../trace/trace.ts';

/** A stretch of time on a host thread. */
export interface HostInterval {
  readonly thread: number;
  readonly start: number;
  readonly end: number;
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
  for (const { rows } of lists.values()) sortRows(rows, isBefore);
  return new Map([...lists].map(([thread, { rows }]) => [thread, rows]));

  function isBefore(a: number, b: number): boolean {
    return host.ts[a] < host.ts[b] || (host.ts[a] === host.ts[b] && host.dur[a] > host.dur[b]);
  }
}

/** The open frames of a thread at one moment, from the outermost; a subclass adds facts of each. */
export interface FrameStack {
  depth: number;
  /** The rows of the open frames; the first `depth` count. */
  rows: Int32Array<ArrayBuffer>;
}

/** The events of a sweep. */
export interface FrameSink<Interval extends HostInterval, Stack extends FrameStack> {
  /** An empty stack for a thread. */
  open(): Stack;
  /** A frame was put on top of the stack. */
  pushed(stack: Stack): void;
  /** The frame on top of the stack is about to be taken off. */
  popping(stack: Stack): void;
  /** A stretch of an interval with one and the same stack. */
  visit(stack: Stack, interval: Interval, us: number): void;
}

/** Walks host intervals and tells the frames that are open; later calls must bring later intervals. */
export class FrameSweep<Interval extends HostInterval, Stack extends FrameStack> {
  readonly #host: Trace['host'];
  readonly #threads: ReadonlyMap<number, Int32Array>;
  readonly #sink: FrameSink<Interval, Stack>;
  readonly #cursors = new Map<number, { at: number; readonly rows: Int32Array; readonly stack: Stack }>();

  constructor(host: Trace['host'], threads: ReadonlyMap<number, Int32Array>, sink: FrameSink<Interval, Stack>) {
    this.#host = host;
    this.#threads = threads;
    this.#sink = sink;
  }

  /** Hot path. Intervals of one thread do not overlap. */
  sweep(intervals: readonly Interval[]): void {
    const { ts, dur } = this.#host;
    const sink = this.#sink;
    const order = sortedOrder(intervals.map(({ start }) => start));
    for (let index = 0; index < order.length; index += 1) {
      const interval = intervals[order[index]];
      const cursor = this.#cursor(interval.thread);
      const { rows, stack } = cursor;
      let time = interval.start;
      while (time < interval.end) {
        while (cursor.at < rows.length && ts[rows[cursor.at]] <= time) this.#push(stack, rows[cursor.at++]);
        this.#popUntil(stack, time);
        let next = interval.end;
        if (cursor.at < rows.length) next = Math.min(next, ts[rows[cursor.at]]);
        if (stack.depth > 0) {
          const top = stack.rows[stack.depth - 1];
          next = Math.min(next, ts[top] + dur[top]);
        }
        sink.visit(stack, interval, next - time);
        time = next;
      }
    }
  }

  /** Takes off what is still open. */
  end(): void {
    for (const { stack } of this.#cursors.values()) this.#popUntil(stack, Number.POSITIVE_INFINITY);
  }

  #push(stack: Stack, row: number): void {
    this.#popUntil(stack, this.#host.ts[row]);
    if (stack.depth >= DEEPEST) return;
    if (stack.depth === stack.rows.length) stack.rows = grow(stack.rows, Int32Array);
    stack.rows[stack.depth++] = row;
    this.#sink.pushed(stack);
  }

  #popUntil(stack: Stack, time: number): void {
    const { ts, dur } = this.#host;
    while (stack.depth > 0) {
      const top = stack.rows[stack.depth - 1];
      if (ts[top] + dur[top] > time) return;
      this.#sink.popping(stack);
      stack.depth -= 1;
    }
  }

  #cursor(thread: number) {
    const known = this.#cursors.get(thread);
    if (known !== undefined) return known;
    const made = { at: 0, rows: this.#threads.get(thread) ?? new Int32Array(0), stack: this.#sink.open() };
    this.#cursors.set(thread, made);
    return made;
  }
}
