import { clip, lengthOf, type Spans, subtract, unionOf } from '../intervals.ts';
import { gpuKinds, type Trace } from '../trace/trace.ts';

const communicationName = /nccl|rccl|cross_device_reduce|nvshmem|deep_?ep/i;
const copyName = /^(__amd_rocclr_copyBuffer|MEMORY_COPY_)/;

/** The kind of a GPU event: the three sets of the decomposition. */
export type Work = 'compute' | 'communication' | 'copy';

const works = ['compute', 'communication', 'copy'] as const satisfies readonly Work[];

/** Tells the work of a GPU event by its kind and name; a memset is compute. */
export function workClassifier(trace: Trace): (row: number) => Work {
  const { gpu, names } = trace;
  // By the number of a name, one more than the index of the work; a trace may have a million names.
  const byName = new Uint8Array(names.count);
  return (row) => {
    if (gpu.kind[row] === gpuKinds.memcpy) return 'copy';
    if (gpu.kind[row] === gpuKinds.memset) return 'compute';
    const name = gpu.name[row];
    if (byName[name] === 0) {
      const text = names.text(name);
      byName[name] = communicationName.test(text) ? 2 : copyName.test(text) ? 3 : 1;
    }
    return works[byName[name] - 1];
  };
}

/** The unions of GPU time by work, and of all of it. */
export interface BusySpans {
  readonly all: Spans;
  readonly compute: Spans;
  readonly communication: Spans;
  readonly copy: Spans;
}

/** The busy intervals of the given GPU events. */
export function busySpans(trace: Trace, rows: ArrayLike<number>): BusySpans {
  const workOf = workClassifier(trace);
  const { ts, dur } = trace.gpu;
  const counts = { compute: 0, communication: 0, copy: 0 };
  for (let index = 0; index < rows.length; index += 1) counts[workOf(rows[index])] += 1;
  const lists = { compute: room(counts.compute), communication: room(counts.communication), copy: room(counts.copy) };
  const all = room(rows.length);
  for (let index = 0; index < rows.length; index += 1) {
    const row = rows[index];
    const start = ts[row];
    const end = start + dur[row];
    put(lists[workOf(row)], start, end);
    put(all, start, end);
  }
  // The lists are as long as the trace: their memory is released at once, not at the next collection.
  const union = ({ starts, ends }: Room) => {
    const spans = unionOf(starts, ends);
    starts.buffer.transfer(0);
    ends.buffer.transfer(0);
    return spans;
  };
  return {
    all: union(all),
    compute: union(lists.compute),
    communication: union(lists.communication),
    copy: union(lists.copy),
  };
}

interface Room {
  readonly starts: Float64Array<ArrayBuffer>;
  readonly ends: Float64Array<ArrayBuffer>;
  used: number;
}

function room(count: number): Room {
  return { starts: new Float64Array(count), ends: new Float64Array(count), used: 0 };
}

function put(list: Room, start: number, end: number): void {
  list.starts[list.used] = start;
  list.ends[list.used] = end;
  list.used += 1;
}

/**
 * A window of time, divided: computation + exposedCommunication + exposedCopy + idle = total. Microseconds. Exposed is
 * what no computation hides; a copy is also hidden by communication.
 */
export interface Decomposition {
  readonly totalUs: number;
  readonly busyUs: number;
  readonly idleUs: number;
  readonly computationUs: number;
  readonly communicationUs: number;
  readonly exposedCommunicationUs: number;
  readonly copyUs: number;
  readonly exposedCopyUs: number;
  /** The share of communication that computation hides; null without communication. */
  readonly overlap: number | null;
}

/** The decomposition of the window from `start` to `end`. */
export function decompose(busy: BusySpans, start: number, end: number): Decomposition {
  const compute = clip(busy.compute, start, end);
  const communication = clip(busy.communication, start, end);
  const copy = clip(busy.copy, start, end);
  const busyUs = lengthOf(clip(busy.all, start, end));
  const communicationUs = lengthOf(communication);
  const exposedCommunicationUs = lengthOf(subtract(communication, compute));
  return {
    totalUs: end - start,
    busyUs,
    idleUs: end - start - busyUs,
    computationUs: lengthOf(compute),
    communicationUs,
    exposedCommunicationUs,
    copyUs: lengthOf(copy),
    exposedCopyUs: lengthOf(subtract(subtract(copy, compute), communication)),
    overlap: communicationUs === 0 ? null : (communicationUs - exposedCommunicationUs) / communicationUs,
  };
}
