import { gpuKinds, type TraceBuilder } from '../../trace/trace.ts';
import { EventArguments, numbersIn } from './event-arguments.ts';
import { CategoryRoles, hostKindOf, NameFlags, nameFlags, roles, wantedOf, wants } from './event-roles.ts';
import { EventThreads } from './event-threads.ts';
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

/**
 * Hot path. Reads one event object into the columns of a trace; only the fields that the analysis needs are looked at.
 *
 *   event = { "ph": "X", "cat": …, "name": …, "pid": …, "tid": …, "ts": us, "dur": us, "args": { … } }, in any order
 */
export class EventReader {
  readonly #trace: TraceBuilder;
  readonly #arguments: EventArguments;
  readonly #categories: CategoryRoles;
  readonly #flags: NameFlags;
  readonly #threads: EventThreads;
  // Of the previous event: most events are like it.
  #lastCategory = 0;
  #lastName = 0;
  /** By name, the one that followed it the last time: programs repeat their order. */
  #followers = new Int32Array(1 << 12);
  readonly #number = new NumberReader();
  // The fields of the current event: times, start and end of the other tokens, 0 if absent.
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

  constructor(trace: TraceBuilder) {
    this.#trace = trace;
    this.#arguments = new EventArguments(trace);
    this.#categories = new CategoryRoles(trace.names);
    this.#flags = new NameFlags(trace.names);
    this.#threads = new EventThreads(trace.names);
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
    if (length === 4 && a === 0x61 && bytes[value] === 0x7b) return this.#argumentsAt(bytes, value, end);
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
  #argumentsAt(bytes: Uint8Array, at: number, end: number): number {
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
    return (this.#flags.of(this.#nameOf(bytes)) & nameFlags.memory) === 0 ? wants.nothing : wants.all;
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
    this.#eventRole = this.#categories.of(this.#lastCategory);
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
    const args = this.#arguments;
    const row = gpu.row();
    gpu.ts[row] = ts;
    gpu.dur[row] = dur;
    gpu.name[row] = this.#nameOf(bytes);
    gpu.kind[row] = role === roles.kernel ? gpuKinds.kernel : role === roles.memcpy ? gpuKinds.memcpy : gpuKinds.memset;
    const pid = this.#pidEnd === 0 ? 0 : numberIn(bytes, this.#pid, this.#pidEnd);
    gpu.device[row] = args.device >= 0 ? args.device : Number.isNaN(pid) ? 0 : pid;
    gpu.stream[row] = args.stream;
    gpu.correlation[row] = args.link;
    gpu.bytes[row] = args.bytes;
    gpu.bandwidth[row] = args.bandwidth;
    gpu.blocksPerSm[row] = args.blocks;
    gpu.occupancy[row] = args.occupancy;
    if (args.collective !== undefined) {
      const { name = '', inElements = 0, outElements = 0, dtype = '', groupSize = 0, group = '' } = args.collective;
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
    const args = this.#arguments;
    const name = this.#nameOf(bytes);
    const thread = this.#threads.of(bytes, this.#pid, this.#pidEnd, this.#tid, this.#tidEnd);
    if ((this.#flags.of(name) & nameFlags.step) !== 0 && role !== roles.python) {
      steps.push({ name: names.text(name), ts, dur, thread });
      return;
    }
    const row = host.row();
    host.ts[row] = ts;
    host.dur[row] = dur;
    host.name[row] = name;
    host.thread[row] = thread;
    host.kind[row] = hostKindOf[role];
    host.link[row] = role >= roles.runtime ? args.link : -1;
    if (role === roles.op && args.inputsId >= 0) host.setInputs(row, args.inputsId);
  }

  #sync(bytes: Uint8Array, ts: number, dur: number): void {
    const { syncs } = this.#trace;
    const args = this.#arguments;
    const row = syncs.row();
    syncs.ts[row] = ts;
    syncs.dur[row] = dur;
    syncs.name[row] = this.#nameOf(bytes);
    const pid = this.#pidEnd === 0 ? 0 : numberIn(bytes, this.#pid, this.#pidEnd);
    syncs.device[row] = args.device >= 0 ? args.device : Number.isNaN(pid) ? 0 : pid;
    syncs.stream[row] = args.stream;
    syncs.correlation[row] = args.correlation;
    syncs.recordStream[row] = args.recordStream;
    syncs.recordCorrelation[row] = args.recordCorrelation;
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
    if ((this.#flags.of(this.#nameOf(bytes)) & nameFlags.memory) === 0) return;
    if (this.#passed !== wants.all) this.#readArgs(bytes, end, wants.all);
    const { deviceType, allocated } = this.#arguments;
    if (deviceType === CPU) return;
    if (allocated > (this.#trace.peakMemoryBytes ?? 0)) this.#trace.peakMemoryBytes = allocated;
  }

  #noteForeign(category: number): void {
    const { foreign, names } = this.#trace;
    if (foreign.size < 100) foreign.set(names.text(category), (foreign.get(names.text(category)) ?? 0) + 1);
  }

  /** Reads the wanted arguments of the event; the index after them, or below 0 if they are not whole and sound. */
  #readArgs(bytes: Uint8Array, end: number, wanted: number): number {
    if (wanted !== wants.inputs) return this.#arguments.read(bytes, this.#args, end, wanted);
    // The names of convolutions and attention say that their work depends on values.
    const withValues = (this.#flags.of(this.#nameOf(bytes)) & nameFlags.values) !== 0;
    return this.#arguments.readInputs(bytes, this.#args, end, withValues);
  }
}

/** Phases: `X`, `i` and, of old traces, `I`. */
const SPAN = 0x58;
const INSTANT = 0x69;
const OLD_INSTANT = 0x49;

/** `Device Type` of memory events; the memory of the host is not that of a GPU. */
const CPU = 0;
const MOST_RANGES = 100_000;

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
