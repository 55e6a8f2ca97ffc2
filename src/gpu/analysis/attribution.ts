import { grow } from '../trace/names.ts';
import type { Trace } from '../trace/trace.ts';
import { type FrameSink, type FrameStack, FrameSweep } from './frames.ts';

/** The work of a host thread while the GPU waited for it. */
export const hostWorks = ['loader', 'save', 'start-up', 'after a read-back', 'other'] as const;
export type HostWork = (typeof hostWorks)[number];

const loaderFrame =
  /^enumerate\((DataLoader|DataPipe)\)#|torch\/utils\/data\/|\bdata_?load|_fetch(er|_data)?\b|: fetch$|preprocess|read_video|image_processing|image_utils|\bPIL\/|torchvision\/(io|transforms)|tokeniz|\bdecode_(jpeg|image|video)|librosa|soundfile/i;
const saveFrame =
  /torch\/serialization\.py|: save_checkpoint|: save_pretrained|\btorch\.save\b|checkpoint.*: save|^save_checkpoint/;
const startUpFrame =
  /^(cuda|hip)(Malloc|Free|MallocHost|HostAlloc|FreeHost|ModuleLoad\w*|DeviceReset|GetDeviceProperties\w*|StreamCreate\w*|EventCreate\w*)$|^cu(ModuleLoad|LibraryLoad|ModuleGet|Init)|nvrtc|hiprtc|triton\/(compiler|runtime\/build)|_dynamo\/convert_frame/;
const launchCall = /^(cu|cuda|hip)\w*(Launch|GraphLaunch)/;
/** A launch that takes longer loads its module: it happens once. */
const FIRST_LAUNCH_US = 1000;
/** Calls in which the host waits for the GPU. */
export const blockingCall =
  /Synchronize|^(cuda|hip|cu)Memcpy(HtoD|DtoH)?(_v\d)?$|MemcpyWithStream|^aten::_local_scalar_dense$|^aten::item$|StreamWait\b/;

/** Calls that copy and should return at once; on pageable memory they wait. */
export const copyingCall = /^(cuda|hip|cu)Memcpy\w*Async/;

/** Time by host frame, in microseconds: of the innermost frames, and of all frames that cover it. */
export interface FrameTimes {
  readonly totalUs: number;
  readonly innermost: ReadonlyMap<string, number>;
  readonly covering: ReadonlyMap<string, number>;
  /** Time at which the launching thread has no event in the trace. */
  readonly unrecordedUs: number;
}

/** The host part of gaps by what the launching thread did. */
export interface Attribution {
  readonly byWork: Readonly<Record<HostWork, number>>;
  readonly frames: Readonly<Record<HostWork, FrameTimes>>;
}

/** A host part to attribute; `afterReadBack` marks a gap that a read-back of the GPU's result began. */
export interface HostPart {
  readonly thread: number;
  readonly start: number;
  readonly end: number;
  readonly afterReadBack: boolean;
}

/** Open frames with the work that each one and those around it do, and the time charged inside of each by work. */
interface WorkStack extends FrameStack {
  works: Uint8Array<ArrayBuffer>;
  /** `hostWorks.length` numbers for each frame. */
  inside: Float64Array<ArrayBuffer>;
}

const OTHER = hostWorks.indexOf('other');
const LOADER = hostWorks.indexOf('loader');
const AFTER_READ_BACK = hostWorks.indexOf('after a read-back');
const START_UP = hostWorks.indexOf('start-up');
const KINDS = hostWorks.length;

/**
 * Hot path. Charges each instant of host parts to the innermost frame and, once, to each frame around it: what was charged
 * inside of a frame goes to the one around it when the frame ends.
 */
export class Attributor implements FrameSink<HostPart, WorkStack> {
  readonly #trace: Trace;
  readonly #sweep: FrameSweep<HostPart, WorkStack>;
  /** Work by name, 1 more than its number; 0 if it was not looked at yet. */
  readonly #works: Uint8Array;
  readonly #launches: Uint8Array;
  readonly #tables = hostWorks.map(() => new FrameTable());

  constructor(trace: Trace, threads: ReadonlyMap<number, Int32Array>) {
    this.#trace = trace;
    this.#works = new Uint8Array(trace.names.count);
    this.#launches = new Uint8Array(trace.names.count);
    this.#sweep = new FrameSweep(trace.host, threads, this);
  }

  /** Adds host parts that are later than those added before. */
  add(parts: readonly HostPart[]): void {
    this.#sweep.sweep(parts);
  }

  result(): Attribution {
    this.#sweep.end();
    const { names } = this.#trace;
    const times = this.#tables.map((table) => table.times((name) => names.text(name)));
    const frames = Object.fromEntries(hostWorks.map((work, kind) => [work, times[kind]]));
    const byWork = Object.fromEntries(hostWorks.map((work, kind) => [work, times[kind].totalUs]));
    return { byWork: byWork as Record<HostWork, number>, frames: frames as Record<HostWork, FrameTimes> };
  }

  open(): WorkStack {
    return { depth: 0, rows: new Int32Array(32), works: new Uint8Array(32), inside: new Float64Array(32 * KINDS) };
  }

  pushed(stack: WorkStack): void {
    if (stack.depth > stack.works.length) {
      stack.works = grow(stack.works, Uint8Array);
      stack.inside = grow(stack.inside, Float64Array);
    }
    const top = stack.depth - 1;
    const around = top === 0 ? OTHER : stack.works[top - 1];
    const own = around === OTHER || around === LOADER ? this.#workOf(stack.rows[top]) : OTHER;
    stack.works[top] = own === OTHER ? around : own;
    stack.inside.fill(0, top * KINDS, stack.depth * KINDS);
  }

  popping(stack: WorkStack): void {
    const { name } = this.#trace.host;
    const top = stack.depth - 1;
    const own = name[stack.rows[top]];
    let again: boolean | undefined;
    for (let kind = 0; kind < KINDS; kind += 1) {
      const us = stack.inside[top * KINDS + kind];
      if (us === 0) continue;
      if (top > 0) stack.inside[(top - 1) * KINDS + kind] += us;
      again ??= isAround(stack, own, name);
      if (!again) this.#tables[kind].addCovering(own, us);
    }
  }

  visit(stack: WorkStack, part: HostPart, us: number): void {
    const around = stack.depth === 0 ? OTHER : stack.works[stack.depth - 1];
    const kind = around === OTHER && part.afterReadBack ? AFTER_READ_BACK : around;
    const table = this.#tables[kind];
    if (stack.depth === 0) table.addUnrecorded(us);
    else {
      table.addInnermost(this.#trace.host.name[stack.rows[stack.depth - 1]], us);
      stack.inside[(stack.depth - 1) * KINDS + kind] += us;
    }
  }

  #workOf(row: number): number {
    const { host, names } = this.#trace;
    const name = host.name[row];
    if (this.#works[name] === 0) {
      const text = names.text(name);
      this.#works[name] = 1 + hostWorks.indexOf(workOfName(text));
      this.#launches[name] = launchCall.test(text) ? 1 : 0;
    }
    const work = this.#works[name] - 1;
    return work === OTHER && this.#launches[name] === 1 && host.dur[row] > FIRST_LAUNCH_US ? START_UP : work;
  }
}

/** Whether a frame of the same name is around the one on top: time is charged to a name once. */
function isAround({ rows, depth }: WorkStack, own: number, name: Int32Array): boolean {
  for (let level = depth - 2; level >= 0; level -= 1) if (name[rows[level]] === own) return true;
  return false;
}

/** The kind of work of a host frame, by its name. */
export function workOfName(name: string): HostWork {
  if (startUpFrame.test(name)) return 'start-up';
  if (loaderFrame.test(name)) return 'loader';
  return saveFrame.test(name) ? 'save' : 'other';
}

class FrameTable {
  #totalUs = 0;
  #unrecordedUs = 0;
  readonly #innermost = new Map<number, number>();
  readonly #covering = new Map<number, number>();

  addUnrecorded(us: number): void {
    this.#totalUs += us;
    this.#unrecordedUs += us;
  }

  addInnermost(name: number, us: number): void {
    this.#totalUs += us;
    this.#innermost.set(name, (this.#innermost.get(name) ?? 0) + us);
  }

  addCovering(name: number, us: number): void {
    this.#covering.set(name, (this.#covering.get(name) ?? 0) + us);
  }

  times(text: (name: number) => string): FrameTimes {
    const inOrder = (list: readonly (readonly [number, number])[]) =>
      new Map(list.toSorted((a, b) => b[1] - a[1]).map(([name, us]) => [text(name), us]));
    return {
      totalUs: this.#totalUs,
      unrecordedUs: this.#unrecordedUs,
      innermost: inOrder([...this.#innermost]),
      // Inner frames end first: of frames with the same time the outermost comes first.
      covering: inOrder([...this.#covering].reverse()),
    };
  }
}

/** Frames that cover everything and say nothing. */
const emptyFrame =
  /_call_impl|profiler.*__enter__|^ProfilerStep#|<built-in method __enter__|runpy\.py|<module>|threading\.py/;

/** The innermost frames with at least 5 % of the time, and the outermost frame that covers most but not all of it. */
export function tellingFrames(frames: FrameTimes): {
  readonly innermost: readonly (readonly [string, number])[];
  readonly around: readonly [string, number] | undefined;
} {
  const { totalUs, innermost, covering } = frames;
  const shares = [...innermost].filter(([, us]) => us >= 0.05 * totalUs).slice(0, 6);
  const around = [...covering].find(
    ([name, us]) => us >= 0.5 * totalUs && us < 0.9999 * totalUs && !emptyFrame.test(name),
  );
  return { innermost: shares, around };
}
