import { sortRows } from './sort-rows.ts';

/** Intervals that do not overlap, sorted: interval i is [starts[i], ends[i]). The unit is that of the input. */
export interface Spans {
  readonly starts: Float64Array;
  readonly ends: Float64Array;
}

export const noSpans: Spans = { starts: new Float64Array(0), ends: new Float64Array(0) };

/** The union of intervals given in any order; touching ones become one, empty ones count only where they touch. */
export function unionOf(starts: ArrayLike<number>, ends: ArrayLike<number>): Spans {
  const order = sortedOrder(starts);
  const outStarts = new Float64Array(order.length);
  const outEnds = new Float64Array(order.length);
  let count = 0;
  for (let at = 0; at < order.length; at += 1) {
    const index = order[at];
    const start = starts[index];
    const end = ends[index];
    if (count > 0 && start <= outEnds[count - 1]) {
      if (end > outEnds[count - 1]) outEnds[count - 1] = end;
    } else {
      outStarts[count] = start;
      outEnds[count] = end;
      count += 1;
    }
  }
  return { starts: shortened(outStarts, count), ends: shortened(outEnds, count) };
}

/** The start of an array, which releases the memory of the rest. */
function shortened(array: Float64Array<ArrayBuffer>, length: number): Float64Array {
  return new Float64Array(array.buffer.transfer(length * 8));
}

/** Indices in order of value, ties by index. */
export function sortedOrder(values: ArrayLike<number>): Uint32Array {
  const order = new Uint32Array(values.length);
  for (let index = 0; index < order.length; index += 1) order[index] = index;
  return sortRows(order, (a, b) => values[a] < values[b]);
}

/** The summed length. */
export function lengthOf({ starts, ends }: Spans): number {
  let sum = 0;
  for (let index = 0; index < starts.length; index += 1) sum += ends[index] - starts[index];
  return sum;
}

/** The intersection. */
export function intersect(a: Spans, b: Spans): Spans {
  const pairs: number[] = [];
  let i = 0;
  let j = 0;
  while (i < a.starts.length && j < b.starts.length) {
    const start = Math.max(a.starts[i], b.starts[j]);
    const end = Math.min(a.ends[i], b.ends[j]);
    if (start < end) pairs.push(start, end);
    if (a.ends[i] < b.ends[j]) i += 1;
    else j += 1;
  }
  return fromPairs(pairs);
}

/** The difference: `a` without `b`. */
export function subtract(a: Spans, b: Spans): Spans {
  const pairs: number[] = [];
  let j = 0;
  for (let i = 0; i < a.starts.length; i += 1) {
    let start = a.starts[i];
    const end = a.ends[i];
    while (j < b.starts.length && b.ends[j] <= start) j += 1;
    for (let k = j; k < b.starts.length && b.starts[k] < end; k += 1) {
      if (b.starts[k] > start) pairs.push(start, b.starts[k]);
      start = Math.max(start, b.ends[k]);
    }
    if (start < end) pairs.push(start, end);
  }
  return fromPairs(pairs);
}

/** The part inside a window. */
export function clip({ starts, ends }: Spans, start: number, end: number): Spans {
  if (end <= start) return noSpans;
  const first = firstAbove(ends, start);
  const last = firstAtLeast(starts, end);
  if (last <= first) return noSpans;
  const inside = { starts: starts.slice(first, last), ends: ends.slice(first, last) };
  inside.starts[0] = Math.max(inside.starts[0], start);
  inside.ends[last - first - 1] = Math.min(inside.ends[last - first - 1], end);
  return inside;
}

/** The first index with a value above `bound`, in sorted values. */
export function firstAbove(sorted: ArrayLike<number>, bound: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] > bound) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The first index with a value of at least `bound`, in sorted values. */
export function firstAtLeast(sorted: ArrayLike<number>, bound: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] >= bound) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** One interval. */
export function span(start: number, end: number): Spans {
  return { starts: Float64Array.of(start), ends: Float64Array.of(end) };
}

function fromPairs(pairs: readonly number[]): Spans {
  const count = pairs.length >> 1;
  const starts = new Float64Array(count);
  const ends = new Float64Array(count);
  for (let index = 0; index < count; index += 1) {
    starts[index] = pairs[2 * index];
    ends[index] = pairs[2 * index + 1];
  }
  return { starts, ends };
}
