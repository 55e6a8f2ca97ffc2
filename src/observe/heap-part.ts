import { setFlagsFromString } from 'node:v8';
import type { Part } from '../ports/part.ts';
import { bytesText } from './bytes-text.ts';
import { openPart, type PartKind } from './part-kind.ts';

/** The heap of V8 with the buffers outside it. */
export interface HeapReport {
  readonly bytes: number;
  /** Beyond it garbage is collected early. */
  readonly mostBytes: number;
  readonly isTight: boolean;
}

export interface HeapStatus {
  readonly heap: HeapReport;
}

/** The heap may grow by this share of its live bytes before V8 collects again, while it is tight. */
const TIGHT_PERCENT = 20;

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
  ],
  status: (report) => ({ heap: report() }),
  lines: ({ heap: { bytes, mostBytes, isTight } }) => [
    'heap',
    `  ${bytesText(bytes)} of ${bytesText(mostBytes)}${isTight ? '; garbage is collected early' : ''}`,
  ],
};

/**
 * Keeps the heap near its live bytes while it is larger than its part of the option `memory`. Elsewhere V8 decides alone: it would take
 * several times the live bytes on a machine with much memory.
 */
export function openHeapPart(mostBytes: number, read: () => number = heapBytes): Part {
  const self = {};
  const report = (): HeapReport => ({ bytes: read(), mostBytes, isTight: tight.has(self) });
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
    close: async () => turn('loose'),
  });
}

function heapBytes(): number {
  const { heapTotal, external } = process.memoryUsage();
  return heapTotal + external;
}
