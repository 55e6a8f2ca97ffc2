import { lengthOf, unionOf } from '../../src/gpu/intervals.ts';
import { type RawSpan, rawSpans, spanText } from './raw-events.ts';

interface Row {
  readonly cat: string;
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** HTA's types of GPU work, in its order; a name that is not one of them is in no type. */
const types: readonly (readonly [string, (name: string) => boolean])[] = [
  // event_record, event_wait, merge and remote of other accelerators count as computation, pe_exe does not.
  ['COMPUTATION', (name) => !/^nccl|ncclKernel|Memcpy|Memset|dma|Sync|Wait|^hip|^pe_exe/.test(name)],
  ['COMMUNICATION', (name) => /^nccl|ncclKernel|^hip|^hccl/.test(name)],
  ['MEMORY', (name) => /^(hip)?(Memcpy|Memset)|^dma/.test(name)],
];

/** HTA's numbers, repeated on the raw events with its choice of rows: what has an argument `stream`; start rounded up, end down. */
export function htaByStream(file: string): {
  readonly numbers: ReadonlyMap<string, number>;
  /** Which rows are no GPU work, with the first of them. */
  readonly others: string;
} {
  const spans = rawSpans(file).filter(({ args }) => args['stream'] !== undefined && Number(args['stream']) !== -1);
  const rows = spans.map(({ cat, name, ts, dur }) => ({ cat, name, start: Math.ceil(ts), end: Math.floor(ts + dur) }));
  const all = union(rows);
  const compute = lengthOf(union(rows.filter(({ name }) => types[0]?.[1](name) === true)));
  const kernel = all.ends[all.ends.length - 1] - all.starts[0];
  const numbers = new Map([
    ['kernel_time', kernel],
    ['idle_time', kernel - lengthOf(all)],
    ['compute_time', compute],
    ['non_compute_time', lengthOf(all) - compute],
    ...typeSums(rows),
  ]);
  return { numbers, others: othersText(spans) };
}

function union(rows: readonly Row[]) {
  return unionOf(
    rows.map(({ start }) => start),
    rows.map(({ end }) => end),
  );
}

/**
 * Time by the set of types that run: edges of merged intervals with a bit for each type, summed up in order of time, as HTA
 * does it. Rounding makes some intervals end before they start; then bits are taken away before they were added.
 */
function typeSums(rows: readonly Row[]): readonly (readonly [string, number])[] {
  const edges = types.flatMap(([, isOne], index) =>
    mergedAsHta(rows.filter(({ name }) => isOne(name))).flatMap(({ start, end }) => [
      { time: start, change: 1 << index },
      { time: end, change: -(1 << index) },
    ]),
  );
  edges.sort((a, b) => a.time - b.time);
  const sums = new Map<number, number>();
  let running = 0;
  for (const [index, { time, change }] of edges.entries()) {
    running += change;
    const next = edges[index + 1];
    if (running > 0 && next !== undefined) sums.set(running, (sums.get(running) ?? 0) + next.time - time);
  }
  return [...sums].map(([bits, us]) => [
    types.flatMap(([type], index) => ((bits & (1 << index)) === 0 ? [] : [type])).join(' overlapping '),
    us,
  ]);
}

function mergedAsHta(rows: readonly Row[]): readonly { readonly start: number; readonly end: number }[] {
  const merged: { start: number; end: number }[] = [];
  let reached = Number.NEGATIVE_INFINITY;
  for (const { start, end } of rows.toSorted((a, b) => a.start - b.start)) {
    const last = merged[merged.length - 1];
    if (last !== undefined && start <= reached) last.end = Math.max(last.end, end);
    else merged.push({ start, end });
    reached = Math.max(reached, end);
  }
  return merged;
}

function othersText(spans: readonly RawSpan[]): string {
  const byCategory = new Map<string, RawSpan[]>();
  for (const span of spans) {
    if (/^(kernel|gpu_memcpy|gpu_memset)$/i.test(span.cat)) continue;
    byCategory.set(span.cat, [...(byCategory.get(span.cat) ?? []), span]);
  }
  return [...byCategory]
    .map(([cat, list]) => {
      const us = list.reduce((sum, { dur }) => sum + dur, 0);
      const [first] = list;
      return `${list.length} of category ${cat}, ${Number(us.toFixed(3))} µs${first === undefined ? '' : `, the first ${spanText(first)}`}`;
    })
    .join('; ');
}

/** What rounding takes from the GPU rows of a trace, and the first of them. */
export function roundingText(file: string): string {
  const rows = rawSpans(file).filter(({ cat }) => /^(kernel|gpu_memcpy|gpu_memset)$/i.test(cat));
  const lost = rows.map(({ ts, dur }) => dur - (Math.floor(ts + dur) - Math.ceil(ts)));
  const shorter = lost.filter((us) => us > 0).length;
  const at = lost.findIndex((us) => us > 0);
  const first = rows[at];
  const sum = lost.reduce((total, us) => total + us, 0);
  const example =
    first === undefined
      ? ''
      : `, the first ${spanText(first)} from ${Number(first.dur.toFixed(3))} to ${Math.floor(first.ts + first.dur) - Math.ceil(first.ts)}`;
  return `HTA rounds nanosecond traces (start up, end down): ${shorter} of ${rows.length} GPU events lose ${sum.toFixed(1)} µs in all${example}; so rounded, ours is equal`;
}
