import { gpuKinds, hostKinds, type TraceBuilder } from '../../trace/trace.ts';
import { InputReader } from './input-reader.ts';
import {
  DAMAGED,
  endOfString,
  INCOMPLETE,
  NumberReader,
  numberIn,
  skipNested,
  skipSpace,
  skipValue,
} from './json-bytes.ts';

/** The use of events of a category. */
const roles = {
  skip: 0,
  kernel: 1,
  memcpy: 2,
  memset: 3,
  op: 4,
  python: 5,
  annotation: 6,
  runtime: 7,
  driver: 8,
  overhead: 9,
  foreign: 10,
  sync: 11,
  counters: 12,
} as const;

/** Categories of all ages of the format. */
const roleOf: Readonly<Record<string, number>> = {
  kernel: roles.kernel,
  Kernel: roles.kernel,
  gpu_memcpy: roles.memcpy,
  Memcpy: roles.memcpy,
  gpu_memset: roles.memset,
  Memset: roles.memset,
  cpu_op: roles.op,
  Operator: roles.op,
  python_function: roles.python,
  '': roles.python,
  user_annotation: roles.annotation,
  cuda_runtime: roles.runtime,
  Runtime: roles.runtime,
  cuda_driver: roles.driver,
  overhead: roles.overhead,
  gpu_user_annotation: roles.skip,
  cuda_sync: roles.sync,
  cuda_profiler_range: roles.counters,
  cpu_instant_event: roles.skip,
  mtia_runtime: roles.skip,
  fwdbwd: roles.skip,
  ac2g: roles.skip,
  Trace: roles.skip,
};

/** The arguments to read of an event: none, all known ones, those that link a call, or the inputs of an operator. */
const wants = { nothing: 0, all: 1, link: 2, inputs: 3 } as const;

const wantedOf = new Uint8Array(13);
for (const role of [roles.kernel, roles.memcpy, roles.memset, roles.sync]) wantedOf[role] = wants.all;
for (const role of [roles.runtime, roles.driver]) wantedOf[role] = wants.link;
wantedOf[roles.op] = wants.inputs;

const nameFlags = { seen: 1, step: 2, memory: 4, values: 8 } as const;

/** Operators whose work depends on arguments that are no tensors: strides and padding, whether attention is causal. */
const valuesOf = /conv|attention|attn/i;

/**
 * Hot path. Reads one event object into the columns of a trace; only the fields that the analysis needs are looked at.
 *
 *   event = { "ph": "X", "cat": …, "name": …, "pid": …, "tid": …, "ts": us, "dur": us, "args": { … } }, in any order
 */
export class EventReader {
  readonly #trace: TraceBuilder;
  readonly #inputs: InputReader;
  #roles = new Int8Array(1 << 8).fill(-1);
  #flags = new Uint8Array(1 << 12);
  readonly #threads = new Map<number, number>();
  // Of the event before: most events are like it.
  #lastCategory = 0;
  #lastName = 0;
  /** By name, the one that came after it the last time: a program does the same things in the same order. */
  #followers = new Int32Array(1 << 12);
  #lastPid = 0;
  #lastTid = 0;
  #lastThread = -1;
  readonly #number = new NumberReader();
  // The fields of the event at hand: times, start and end of the other tokens, 0 if absent.
  #phase = 0;
  #cat = 0;
  #catEnd = 0;
  #name = 0;
  #nameEnd = 0;
  #pid = 0;
  #pidEnd = 0;
  #tid = 0;
  #tidEnd = 0;
  #ts = Number.NaN;
  #dur = Number.NaN;
  #args = 0;
  /** The arguments that were read on the way. */
  #passed: number = wants.nothing;
  /** The role and the number of the name, -1 until they are known. */
  #eventRole = -1;
  #nameId = -1;
  #inputsId = -1;
  // The arguments of the event at hand.
  #correlation = -1;
  #external = -1;
  #stream = -1;
  #device = -1;
  #bytes = Number.NaN;
  #blocks = Number.NaN;
  #occupancy = Number.NaN;
  #allocated = Number.NaN;
  #deviceType = -1;
  #bandwidth = Number.NaN;
  #recordStream = -1;
  #recordCorrelation = -1;
  #collective: Record<string, string | number> | undefined;

  constructor(trace: TraceBuilder) {
    this.#trace = trace;
    this.#inputs = new InputReader(trace.inputs);
  }

  /** Reads the event whose `{` is at `at`; the index after its `}`, INCOMPLETE or DAMAGED. Nothing is kept unless whole. */
  read(bytes: Uint8Array, at: number, end: number): number {
    const next = this.#tokens(bytes, at, end);
    if (next < 0) return next;
    this.#trace.events += 1;
    if (this.#phase === SPAN) this.#span(bytes, next);
    else if (this.#phase === INSTANT || this.#phase === OLD_INSTANT) this.#instant(bytes, next);
    return next;
  }

  #tokens(bytes: Uint8Array, at: number, end: number): number {
    this.#phase = 0;
    this.#cat = this.#catEnd = this.#name = this.#nameEnd = 0;
    this.#pid = this.#pidEnd = this.#tid = this.#tidEnd = this.#args = 0;
    this.#ts = this.#dur = Number.NaN;
    this.#passed = wants.nothing;
    this.#eventRole = this.#nameId = -1;
    let here = skipSpace(bytes, at + 1, end);
    if (here >= end) return INCOMPLETE;
    if (bytes[here] === 0x7d) return here + 1;
    for (;;) {
      if (here >= end) return INCOMPLETE;
      if (bytes[here] !== 0x22) return DAMAGED;
      const key = here + 1;
      const close = endOfKey(bytes, key, end);
      if (close === INCOMPLETE) return INCOMPLETE;
      here = skipSpace(bytes, close + 1, end);
      if (here >= end) return INCOMPLETE;
      if (bytes[here] !== 0x3a) return DAMAGED;
      const value = skipSpace(bytes, here + 1, end);
      if (value >= end) return INCOMPLETE;
      const after = this.#member(bytes, key, close - key, value, end);
      if (after < 0) return after;
      here = skipSpace(bytes, after, end);
      if (here >= end) return INCOMPLETE;
      if (bytes[here] === 0x7d) return here + 1;
      if (bytes[here] !== 0x2c) return DAMAGED;
      here = skipSpace(bytes, here + 1, end);
    }
  }

  /** Takes the value of a known key, or notes where it is; the index after it, INCOMPLETE or DAMAGED. */
  #member(bytes: Uint8Array, key: number, length: number, value: number, end: number): number {
    const a = bytes[key];
    const b = bytes[key + 1];
    if (length === 2 && a === 0x74 && b === 0x73) {
      const after = this.#number.read(bytes, value, end);
      this.#ts = this.#number.value;
      return after;
    }
    if (length === 3 && a === 0x64 && b === 0x75) {
      const after = this.#number.read(bytes, value, end);
      this.#dur = this.#number.value;
      return after;
    }
    if (length === 4 && a === 0x61 && bytes[value] === 0x7b) return this.#arguments(bytes, value, end);
    const after = skipValue(bytes, value, end);
    if (after < 0) return after;
    if (length === 2) {
      if (a === 0x70 && b === 0x68) this.#phase = bytes[value + 1];
    } else if (length === 3) {
      if (a === 0x63 && b === 0x61) {
        this.#cat = value + 1;
        this.#catEnd = after - 1;
        this.#eventRole = -1;
        this.#passed = wants.nothing;
      } else if (a === 0x70 && b === 0x69) {
        this.#pid = value;
        this.#pidEnd = after;
      } else if (a === 0x74 && b === 0x69) {
        this.#tid = value;
        this.#tidEnd = after;
      }
    } else if (length === 4 && a === 0x6e && bytes[value] === 0x22) {
      this.#name = value + 1;
      this.#nameEnd = after - 1;
      this.#nameId = -1;
      this.#passed = wants.nothing;
    }
    return after;
  }

  /** Reads the arguments on the way, if earlier members determine which are needed. */
  #arguments(bytes: Uint8Array, at: number, end: number): number {
    this.#args = at;
    this.#passed = this.#wanted(bytes);
    if (this.#passed !== wants.nothing) {
      const after = this.#readArgs(bytes, end, this.#passed);
      if (after >= 0) return after;
      this.#passed = wants.nothing;
    }
    return skipNested(bytes, at, end);
  }

  /** The needed arguments, as far as earlier members determine them. */
  #wanted(bytes: Uint8Array): number {
    if (this.#nameEnd === 0) return wants.nothing;
    if (this.#phase === SPAN) return wantedOf[this.#roleOf(bytes)];
    if (this.#phase !== INSTANT && this.#phase !== OLD_INSTANT) return wants.nothing;
    return (this.#flagsOf(this.#nameOf(bytes)) & nameFlags.memory) === 0 ? wants.nothing : wants.all;
  }

  #nameOf(bytes: Uint8Array): number {
    if (this.#nameId >= 0) return this.#nameId;
    const guess = this.#followers[this.#lastName];
    const name = this.#trace.names.intern(bytes, this.#name, this.#nameEnd, guess);
    if (name !== guess) this.#follow(name);
    this.#lastName = name;
    this.#nameId = name;
    return name;
  }

  /** Notes the name that came after the last one. */
  #follow(name: number): void {
    if (this.#lastName >= this.#followers.length) {
      const grown = new Int32Array(this.#lastName * 2);
      grown.set(this.#followers);
      this.#followers = grown;
    }
    this.#followers[this.#lastName] = name;
  }

  #roleOf(bytes: Uint8Array): number {
    if (this.#eventRole >= 0) return this.#eventRole;
    this.#lastCategory =
      this.#catEnd > this.#cat ? this.#trace.names.intern(bytes, this.#cat, this.#catEnd, this.#lastCategory) : 0;
    this.#eventRole = this.#role(this.#lastCategory);
    return this.#eventRole;
  }

  #span(bytes: Uint8Array, end: number): void {
    const role = this.#roleOf(bytes);
    if (role === roles.skip) return;
    const ts = this.#ts;
    const dur = this.#dur;
    if (!this.#timesAreRight(ts, dur)) return;
    if (wantedOf[role] !== this.#passed) this.#readArgs(bytes, end, wantedOf[role]);
    if (role === roles.foreign) this.#noteForeign(this.#lastCategory);
    else if (role === roles.overhead) this.#trace.overheadUs += Number.isNaN(dur) ? 0 : dur;
    else if (role <= roles.memset) this.#gpu(bytes, role, ts, Number.isNaN(dur) ? 0 : dur);
    else if (role === roles.sync) this.#sync(bytes, ts, Number.isNaN(dur) ? 0 : dur);
    else if (role === roles.counters) this.#counters(bytes, end, ts);
    else this.#host(bytes, role, ts, Number.isNaN(dur) ? 0 : dur);
  }

  #timesAreRight(ts: number, dur: number): boolean {
    if (!Number.isFinite(ts) || Math.abs(ts) > 1e18) {
      this.#trace.fault('events without time');
      return false;
    }
    if (dur < 0 || dur > 1e15) {
      this.#trace.fault('negative durations');
      return false;
    }
    if (Number.isNaN(dur)) this.#trace.fault('no duration');
    return true;
  }

  #gpu(bytes: Uint8Array, role: number, ts: number, dur: number): void {
    const { gpu, collectives } = this.#trace;
    const row = gpu.row();
    gpu.ts[row] = ts;
    gpu.dur[row] = dur;
    gpu.name[row] = this.#nameOf(bytes);
    gpu.kind[row] = role === roles.kernel ? gpuKinds.kernel : role === roles.memcpy ? gpuKinds.memcpy : gpuKinds.memset;
    const pid = this.#pidEnd === 0 ? 0 : numberIn(bytes, this.#pid, this.#pidEnd);
    gpu.device[row] = this.#device >= 0 ? this.#device : Number.isNaN(pid) ? 0 : pid;
    gpu.stream[row] = this.#stream;
    gpu.correlation[row] = this.#link();
    gpu.bytes[row] = this.#bytes;
    gpu.bandwidth[row] = this.#bandwidth;
    gpu.blocksPerSm[row] = this.#blocks;
    gpu.occupancy[row] = this.#occupancy;
    if (this.#collective !== undefined) {
      const { name = '', inElements = 0, outElements = 0, dtype = '', groupSize = 0, group = '' } = this.#collective;
      collectives.set(row, {
        name: String(name),
        inElements: Number(inElements),
        outElements: Number(outElements),
        dtype: String(dtype),
        groupSize: Number(groupSize),
        group: String(group),
      });
    }
  }

  #host(bytes: Uint8Array, role: number, ts: number, dur: number): void {
    const { host, names, steps } = this.#trace;
    const name = this.#nameOf(bytes);
    const thread = this.#thread(bytes);
    if ((this.#flagsOf(name) & nameFlags.step) !== 0 && role !== roles.python) {
      steps.push({ name: names.text(name), ts, dur, thread });
      return;
    }
    const row = host.row();
    host.ts[row] = ts;
    host.dur[row] = dur;
    host.name[row] = name;
    host.thread[row] = thread;
    host.kind[row] = hostKindOf[role];
    host.link[row] = role >= roles.runtime ? this.#link() : -1;
    if (role === roles.op && this.#inputsId >= 0) host.setInputs(row, this.#inputsId);
  }

  #sync(bytes: Uint8Array, ts: number, dur: number): void {
    const { syncs } = this.#trace;
    const row = syncs.row();
    syncs.ts[row] = ts;
    syncs.dur[row] = dur;
    syncs.name[row] = this.#nameOf(bytes);
    const pid = this.#pidEnd === 0 ? 0 : numberIn(bytes, this.#pid, this.#pidEnd);
    syncs.device[row] = this.#device >= 0 ? this.#device : Number.isNaN(pid) ? 0 : pid;
    syncs.stream[row] = this.#stream;
    syncs.correlation[row] = this.#correlation;
    syncs.recordStream[row] = this.#recordStream;
    syncs.recordCorrelation[row] = this.#recordCorrelation;
  }

  /** The counters of a range are arguments named like the metrics; rare, and at most `MOST_RANGES` are kept. */
  #counters(bytes: Uint8Array, end: number, ts: number): void {
    const { counters, names } = this.#trace;
    if (this.#args === 0 || counters.length >= MOST_RANGES) return;
    const values = new Map<string, number>();
    for (const [name, value] of numbersIn(bytes, this.#args, skipValue(bytes, this.#args, end)))
      values.set(name, value);
    counters.push({ name: names.text(this.#nameOf(bytes)), ts, values });
  }

  #instant(bytes: Uint8Array, end: number): void {
    if (this.#nameEnd === 0) return;
    if ((this.#flagsOf(this.#nameOf(bytes)) & nameFlags.memory) === 0) return;
    if (this.#passed !== wants.all) this.#readArgs(bytes, end, wants.all);
    if (this.#deviceType === CPU) return;
    if (this.#allocated > (this.#trace.peakMemoryBytes ?? 0)) this.#trace.peakMemoryBytes = this.#allocated;
  }

  /** The link of a GPU event to its launch: the correlation; in traces without one, the external id, below -1. */
  #link(): number {
    return this.#correlation >= 0 || this.#external < 0 ? this.#correlation : -2 - this.#external;
  }

  #noteForeign(category: number): void {
    const { foreign, names } = this.#trace;
    if (foreign.size < 100) foreign.set(names.text(category), (foreign.get(names.text(category)) ?? 0) + 1);
  }

  #role(category: number): number {
    if (category >= this.#roles.length) {
      if (category > 1 << 22) return roles.foreign;
      const grown = new Int8Array(Math.max(this.#roles.length * 2, category + 1)).fill(-1);
      grown.set(this.#roles);
      this.#roles = grown;
    }
    const known = this.#roles[category];
    if (known >= 0) return known;
    const text = this.#trace.names.text(category);
    const role = Object.hasOwn(roleOf, text) ? roleOf[text] : text.startsWith('async') ? roles.skip : roles.foreign;
    this.#roles[category] = role;
    return role;
  }

  #flagsOf(name: number): number {
    if (name >= this.#flags.length) {
      const grown = new Uint8Array(Math.max(this.#flags.length * 2, name + 1));
      grown.set(this.#flags);
      this.#flags = grown;
    }
    const known = this.#flags[name];
    if (known !== 0) return known;
    const text = this.#trace.names.text(name);
    let flags: number = nameFlags.seen;
    if (/^ProfilerStep#\d+$/.test(text)) flags |= nameFlags.step;
    if (text === '[memory]') flags |= nameFlags.memory;
    if (valuesOf.test(text)) flags |= nameFlags.values;
    this.#flags[name] = flags;
    return flags;
  }

  /** Threads are distinguished by the texts of pid and tid, which may be numbers or strings. */
  #thread(bytes: Uint8Array): number {
    const { names } = this.#trace;
    const pid = names.intern(bytes, this.#pid, this.#pidEnd, this.#lastPid);
    const tid = names.intern(bytes, this.#tid, this.#tidEnd, this.#lastTid);
    if (pid === this.#lastPid && tid === this.#lastTid && this.#lastThread >= 0) return this.#lastThread;
    const key = pid * 2 ** 24 + tid;
    let thread = this.#threads.get(key);
    if (thread === undefined) {
      thread = this.#threads.size;
      this.#threads.set(key, thread);
    }
    this.#lastPid = pid;
    this.#lastTid = tid;
    this.#lastThread = thread;
    return thread;
  }

  /** Reads what is wanted of the arguments of the event; the index after them, or below 0 if they are not whole and sound. */
  #readArgs(bytes: Uint8Array, end: number, wanted: number): number {
    if (wanted === wants.inputs) return this.#readInputs(bytes, end);
    this.#correlation = this.#external = this.#stream = this.#device = -1;
    this.#bytes = this.#bandwidth = this.#blocks = this.#occupancy = this.#allocated = Number.NaN;
    this.#recordStream = this.#recordCorrelation = this.#deviceType = -1;
    this.#collective = undefined;
    if (this.#args === 0) return DAMAGED;
    let sound = true;
    let here = skipSpace(bytes, this.#args + 1, end);
    while (here < end && bytes[here] === 0x22) {
      const key = here + 1;
      const close = endOfString(bytes, key, end);
      if (close < 0) return INCOMPLETE;
      here = skipSpace(bytes, close + 1, end);
      if (here >= end) return INCOMPLETE;
      if (bytes[here] !== 0x3a) sound = false;
      const value = skipSpace(bytes, here + 1, end);
      const after = skipValue(bytes, value, end);
      if (after < 0) return after;
      if (wanted === wants.all || this.#correlation < 0) this.#argument(bytes, key, close - key, value, after);
      here = skipSpace(bytes, after, end);
      if (here >= end || bytes[here] !== 0x2c) break;
      here = skipSpace(bytes, here + 1, end);
    }
    return sound && here < end && bytes[here] === 0x7d ? here + 1 : DAMAGED;
  }

  /** The inputs of an operator; those of convolutions and attention with values, which their names tell. */
  #readInputs(bytes: Uint8Array, end: number): number {
    this.#inputsId = -1;
    if (this.#args === 0) return DAMAGED;
    const withValues = (this.#flagsOf(this.#nameOf(bytes)) & nameFlags.values) !== 0;
    const after = this.#inputs.read(bytes, this.#args, end, withValues);
    this.#inputsId = this.#inputs.found;
    return after;
  }

  #argument(bytes: Uint8Array, key: number, length: number, value: number, after: number): void {
    const a = bytes[key];
    switch (length) {
      case 5:
        if (a === 0x62 && bytes[key + 1] === 0x79) this.#bytes = numberIn(bytes, value, after);
        else if (a === 0x64) this.#collect(bytes, 'dtype', value, after);
        break;
      case 6:
        if (a === 0x73) this.#stream = whole(numberIn(bytes, value, after));
        else if (a === 0x64) this.#device = whole(numberIn(bytes, value, after));
        break;
      case 10:
        if (a === 0x47) this.#collect(bytes, 'groupSize', value, after);
        break;
      case 11:
        if (a === 0x63) this.#correlation = whole(numberIn(bytes, value, after));
        else if (a === 0x45) this.#external = whole(numberIn(bytes, value, after));
        else if (a === 0x44) this.#deviceType = whole(numberIn(bytes, value, after));
        break;
      case 13:
        if (a === 0x62) this.#blocks = numberIn(bytes, value, after);
        else if (a === 0x49 && bytes[key + 2] === 0x20) this.#collect(bytes, 'inElements', value, after);
        break;
      case 14:
        if (a === 0x4f) this.#collect(bytes, 'outElements', value, after);
        else if (a === 0x77) this.#recordStream = whole(numberIn(bytes, value, after));
        break;
      case 15:
        if (a === 0x43 && bytes[key + 2] === 0x6c) this.#collect(bytes, 'name', value, after);
        else if (a === 0x54) this.#allocated = numberIn(bytes, value, after);
        break;
      case 18:
        if (a === 0x50) this.#collect(bytes, 'group', value, after);
        break;
      case 23:
        if (a === 0x6d) this.#bandwidth = numberIn(bytes, value, after);
        break;
      case 33:
        if (a === 0x77) this.#recordCorrelation = whole(numberIn(bytes, value, after));
        break;
      case 25:
        if (a === 0x65) this.#occupancy = numberIn(bytes, value, after);
        break;
      default:
    }
  }

  #collect(bytes: Uint8Array, field: string, value: number, after: number): void {
    this.#collective ??= {};
    if (bytes[value] === 0x22) {
      const close = endOfString(bytes, value + 1, after + 1);
      const stop = close < 0 ? after - 1 : close;
      this.#collective[field] = this.#trace.names.text(this.#trace.names.intern(bytes, value + 1, stop));
    } else this.#collective[field] = numberIn(bytes, value, after);
  }
}

/** Phases: `X`, `i` and, of old traces, `I`. */
const SPAN = 0x58;
const INSTANT = 0x69;
const OLD_INSTANT = 0x49;

/** `Device Type` of memory events; the memory of the host is not that of a GPU. */
const CPU = 0;
const MOST_RANGES = 100_000;
const MOST_COUNTERS = 1000;

/** The members of an object that are numbers. */
function numbersIn(bytes: Uint8Array, start: number, end: number): readonly (readonly [string, number])[] {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes.subarray(start, end)));
    return Object.entries(value ?? {})
      .slice(0, MOST_COUNTERS)
      .flatMap(([name, number]): [string, number][] => (typeof number === 'number' ? [[name, number]] : []));
  } catch {
    return [];
  }
}

/** `endOfString` for the keys of events: nearly all are two to four small letters. */
function endOfKey(bytes: Uint8Array, key: number, end: number): number {
  if (key + 5 < end && bytes[key] > 0x60 && bytes[key + 1] > 0x60) {
    if (bytes[key + 2] === 0x22 && bytes[key + 3] === 0x3a) return key + 2;
    if (bytes[key + 2] > 0x60) {
      if (bytes[key + 3] === 0x22 && bytes[key + 4] === 0x3a) return key + 3;
      if (bytes[key + 3] > 0x60 && bytes[key + 4] === 0x22 && bytes[key + 5] === 0x3a) return key + 4;
    }
  }
  return endOfString(bytes, key, end);
}

const hostKindOf = new Uint8Array(11);
hostKindOf[roles.op] = hostKinds.op;
hostKindOf[roles.python] = hostKinds.python;
hostKindOf[roles.annotation] = hostKinds.annotation;
hostKindOf[roles.runtime] = hostKinds.runtime;
hostKindOf[roles.driver] = hostKinds.driver;

function whole(value: number): number {
  return Number.isFinite(value) && Math.abs(value) < 2 ** 53 ? value : -1;
}
