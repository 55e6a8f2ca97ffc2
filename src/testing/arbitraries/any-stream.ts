import fc from 'fast-check';
import { partitionOf } from '../../base/hash/partition-of.ts';
import type { StreamViewData } from '../../features/define/declaration.ts';
import type { Delivery } from '../../features/engine/delivery.ts';
import type { Value } from '../../schema/column.ts';
import { anyContent } from './any-event.ts';

/** A delivery and its log partition. */
export interface LoggedDelivery extends Delivery {
  readonly partition: number;
}

interface Draft {
  readonly ts: number;
  readonly delay: number;
  readonly content: readonly Value[];
  readonly again: readonly Redelivery[];
}

interface Redelivery {
  /** After the first delivery; below zero: stamped before it, although it follows it in the log. */
  readonly after: number;
  readonly content: readonly Value[];
}

/**
 * A random log of a view's source: times around zero and around hop edges, ties, events late and from the future by the
 * millisecond, redeliveries with another key or payload or an earlier ingest time, read from several partitions in any
 * order that keeps each partition's own.
 */
export function anyStream(view: StreamViewData, maxEvents = 40): fc.Arbitrary<readonly LoggedDelivery[]> {
  return fc
    .record({
      drafts: fc.array(anyDraft(view), { maxLength: maxEvents }),
      partitions: fc.integer({ min: 1, max: 3 }),
      order: fc.infiniteStream(fc.nat()),
    })
    .map(({ drafts, partitions, order }) => interleave(partitioned(drafts, partitions), order));
}

/** Instants to ask at: around hop edges and events, past and to come. */
export function anyInstant(view: StreamViewData): fc.Arbitrary<number> {
  return anyTime(view);
}

/** An order of reading the partitions other than the given one, each in its own order. */
export function reordered(deliveries: readonly LoggedDelivery[]): fc.Arbitrary<readonly LoggedDelivery[]> {
  const logs: LoggedDelivery[][] = [];
  for (const delivery of deliveries) {
    logs[delivery.partition] ??= [];
    logs[delivery.partition].push(delivery);
  }
  const full = logs.filter((log) => log !== undefined);
  return fc.infiniteStream(fc.nat()).map((order) => interleave(full, order));
}

function anyDraft(view: StreamViewData): fc.Arbitrary<Draft> {
  const { latenessMs, futureSkewMs } = view.source;
  const edge = fc.constantFrom(-futureSkewMs - 1, -futureSkewMs, 0, latenessMs, latenessMs + 1);
  const again = fc.record({
    after: fc.oneof(
      fc.constantFrom(-1, 0, 1, latenessMs, latenessMs + futureSkewMs + 1),
      fc.nat({ max: 3 * latenessMs + 10 }),
    ),
    content: anyContent,
  });
  return fc.record({
    ts: anyTime(view),
    delay: fc.oneof(edge, fc.integer({ min: -futureSkewMs, max: latenessMs + 2 })),
    content: anyContent,
    again: fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(again, { maxLength: 2 }) },
    ),
  });
}

function anyTime({ hopsMs }: StreamViewData): fc.Arbitrary<number> {
  const near = fc
    .tuple(fc.constantFrom(...hopsMs), fc.integer({ min: -3, max: 3 }), fc.integer({ min: -1, max: 1 }))
    .map(([hop, count, offset]) => hop * count + offset);
  const reach = 4 * hopsMs[hopsMs.length - 1];
  return fc.oneof(near, fc.integer({ min: -reach, max: reach }));
}

const PREFIXES = ['', '0', '00', 'a', 'A', '-', 'x.', '_'];

/** The partitions' logs, each in order of ingest time. */
function partitioned(drafts: readonly Draft[], partitions: number): readonly (readonly LoggedDelivery[])[] {
  const logs = Array.from(
    { length: partitions },
    (): { readonly place: number; readonly delivery: LoggedDelivery }[] => [],
  );
  drafts.forEach(({ ts, delay, content, again }, index) => {
    const id = `${PREFIXES[index % PREFIXES.length]}${index}`;
    const partition = partitionOf(id, partitions);
    const first = ts + delay;
    const put = (ingestTs: number, values: readonly Value[]) =>
      logs[partition].push({
        // One that is stamped earlier comes right behind the first: the memory of ids goes by the stamps.
        place: Math.max(first, ingestTs),
        delivery: { id, ts, ingestTs, row: [id, ts, ...values], partition },
      });
    put(first, content);
    for (const { after, content: other } of again) put(first + after, other);
  });
  return logs.map((log) => log.sort((a, b) => a.place - b.place).map(({ delivery }) => delivery));
}

function interleave<T>(logs: readonly (readonly T[])[], order: Iterable<number>): readonly T[] {
  const next = logs.map(() => 0);
  const merged: T[] = [];
  for (const choice of order) {
    const open = logs.flatMap((log, index) => (next[index] < log.length ? [index] : []));
    if (open.length === 0) break;
    const index = open[choice % open.length];
    merged.push(logs[index][next[index]]);
    next[index] += 1;
  }
  return merged;
}
