import type { Trace } from '../trace/trace.ts';
import { FrameCursors, sweepFrames } from './frames.ts';

/** What a host thread was busy with while the GPU waited for it. */
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

/** Charges each instant of host parts to the innermost frame and, once, to each frame around it. */
export class Attributor {
  readonly #trace: Trace;
  readonly #threads: ReadonlyMap<number, Int32Array>;
  readonly #cursors = new FrameCursors();
  readonly #works = new Map<number, HostWork>();
  readonly #tables = Object.fromEntries(hostWorks.map((work) => [work, new FrameTable()])) as Record<
    HostWork,
    FrameTable
  >;

  constructor(trace: Trace, threads: ReadonlyMap<number, Int32Array>) {
    this.#trace = trace;
    this.#threads = threads;
  }

  /** Adds host parts that are later than those added before. */
  add(parts: readonly HostPart[]): void {
    const { host } = this.#trace;
    sweepFrames(this.#trace, this.#threads, parts, this.#cursors, (part, from, to, stack, depth) => {
      let work: HostWork = 'other';
      for (let level = 0; level < depth && (work === 'other' || work === 'loader'); level += 1) {
        const found = this.#workOf(stack[level]);
        if (found !== 'other') work = found;
      }
      if (work === 'other' && part.afterReadBack) work = 'after a read-back';
      this.#tables[work].add(host.name, stack, depth, to - from);
    });
  }

  result(): Attribution {
    const { names } = this.#trace;
    const frames = Object.fromEntries(
      hostWorks.map((work) => [work, this.#tables[work].times((name) => names.text(name))]),
    ) as Record<HostWork, FrameTimes>;
    const byWork = Object.fromEntries(hostWorks.map((work) => [work, frames[work].totalUs]));
    return { byWork: byWork as Record<HostWork, number>, frames };
  }

  #workOf(row: number): HostWork {
    const { host, names } = this.#trace;
    const name = host.name[row];
    let work = this.#works.get(name);
    if (work === undefined) {
      work = workOfName(names.text(name));
      this.#works.set(name, work);
    }
    if (work === 'other' && host.dur[row] > FIRST_LAUNCH_US && launchCall.test(names.text(name))) return 'start-up';
    return work;
  }
}

/** What the name of a host frame says about its work. */
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

  add(nameOf: Int32Array, stack: Int32Array, depth: number, us: number): void {
    this.#totalUs += us;
    if (depth === 0) {
      this.#unrecordedUs += us;
      return;
    }
    const leaf = nameOf[stack[depth - 1]];
    this.#innermost.set(leaf, (this.#innermost.get(leaf) ?? 0) + us);
    for (let level = 0; level < depth; level += 1) {
      const name = nameOf[stack[level]];
      let again = false;
      for (let outer = level - 1; outer >= 0 && outer >= level - 40 && !again; outer -= 1)
        again = nameOf[stack[outer]] === name;
      if (!again) this.#covering.set(name, (this.#covering.get(name) ?? 0) + us);
    }
  }

  times(text: (name: number) => string): FrameTimes {
    const inOrder = (map: ReadonlyMap<number, number>) =>
      new Map([...map].sort((a, b) => b[1] - a[1]).map(([name, us]) => [text(name), us]));
    return {
      totalUs: this.#totalUs,
      unrecordedUs: this.#unrecordedUs,
      innermost: inOrder(this.#innermost),
      covering: inOrder(this.#covering),
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
