import { setFlagsFromString } from 'node:v8';
import type { Part, Sample } from '../ports/part.ts';
import { bytesText } from './bytes-text.ts';
import { ownBytes } from './own-bytes.ts';
import { openPart, type PartKind } from './part-kind.ts';
import { boundYoung, unboundYoung, youngBytes } from './young-heap.ts';

/** The heap of V8 with the buffers outside it. */
export interface HeapReport {
  readonly bytes: number;
  /** Beyond it garbage is collected early. */
  readonly mostBytes: number;
  readonly isTight: boolean;
  /** The part of it for new objects. */
  readonly youngBytes: number;
  /** Memory of the process without pages of files; null: the system does not say. */
  readonly ownBytes: number | null;
  /** Of it, all but the heap and its buffers: threads, pages that a store writes, the history, memory that the allocator keeps. */
  readonly otherBytes: number | null;
}

export interface HeapStatus {
  readonly heap: HeapReport;
}

/** The heap may grow by this share of its live bytes before V8 collects again, while it is tight. */
const TIGHT_PERCENT = 20;

/** The share of the heap's bound that new objects may take, and its least: below it collections take much time. */
const YOUNG_SHARE = 1 / 16;
const LEAST_YOUNG = 2 ** 25;

/** Below this share of its bound the heap is loose again. */
const LOOSE_SHARE = 0.8;

/** The heaps of this process that are beyond their bounds: the flag is one for all of them. */
const tight = new Set<object>();

/** The memory of V8. It grows by multiples of its live bytes where nothing bounds it. */
export const heapPart: PartKind<() => HeapReport, HeapStatus> = {
  name: 'heap',
  figures: [
    {
      name: 'headrace_heap_bytes',
      type: 'gauge',
      unit: 'bytes',
      labels: [],
      help: 'Memory of V8: its heap with garbage, and the buffers outside it',
      read: (report) => [[{}, report().bytes]],
    },
    {
      name: 'headrace_heap_bound_bytes',
      type: 'gauge',
      unit: 'bytes',
      labels: [],
      help: 'The part of the option memory for V8: beyond it garbage is collected early',
      read: (report) => [[{}, report().mostBytes]],
    },
    {
      name: 'headrace_heap_young_bytes',
      type: 'gauge',
      unit: 'bytes',
      labels: [],
      help: 'Memory of V8 for new objects, a part of its heap',
      read: (report) => [[{}, report().youngBytes]],
    },
    {
      name: 'headrace_own_memory_bytes',
      type: 'gauge',
      unit: 'bytes',
      labels: [],
      help: 'Memory of the process without pages of files: the option memory is for it',
      read: (report) => known(report().ownBytes),
    },
    {
      name: 'headrace_other_memory_bytes',
      type: 'gauge',
      unit: 'bytes',
      labels: [],
      help: 'Memory of the process outside the heap and its buffers: threads, pages that a store writes, the history, what the allocator keeps',
      read: (report) => known(report().otherBytes),
    },
  ],
  status: (report) => ({ heap: report() }),
  lines: ({ heap: { bytes, mostBytes, isTight, otherBytes } }) => [
    'heap',
    `  ${bytesText(bytes)} of ${bytesText(mostBytes)}${isTight ? '; garbage is collected early' : ''}`,
    ...(otherBytes === null ? [] : [`  outside it: ${bytesText(otherBytes)}`]),
  ],
};

function known(bytes: number | null): readonly Sample[] {
  return bytes === null ? [] : [[{}, bytes]];
}

/**
 * Keeps the heap near its live bytes while it is larger than its part of the option `memory`. Elsewhere V8 decides alone: it would take
 * several times the live bytes on a machine with much memory.
 */
export function openHeapPart(mostBytes: number, read: () => number = heapBytes): Part {
  const self = {};
  const report = (): HeapReport => {
    const [bytes, own] = [read(), ownBytes()];
    const otherBytes = own === null ? null : Math.max(0, own - bytes);
    return { bytes, mostBytes, isTight: tight.has(self), youngBytes: youngBytes(), ownBytes: own, otherBytes };
  };
  boundYoung(self, Math.max(LEAST_YOUNG, YOUNG_SHARE * mostBytes));
  const turn = (to: 'tight' | 'loose') => {
    const before = tight.size > 0;
    if (to === 'tight') tight.add(self);
    else tight.delete(self);
    if (before !== tight.size > 0) setFlagsFromString(`--heap-growing-percent=${before ? 0 : TIGHT_PERCENT}`);
  };
  return openPart(heapPart, report, {
    tick: async () => {
      const bytes = read();
      if (bytes > mostBytes) turn('tight');
      else if (bytes < LOOSE_SHARE * mostBytes) turn('loose');
    },
    close: async () => {
      turn('loose');
      unboundYoung(self);
    },
  });
}

function heapBytes(): number {
  const { heapTotal, external } = process.memoryUsage();
  return heapTotal + external;
}
