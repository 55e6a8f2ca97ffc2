import { fail } from '../../../base/errors/fail.ts';
import { type DeviceProperties, type Trace, TraceBuilder } from '../../trace/trace.ts';
import { readDistributedInfo } from './distributed-info.ts';
import { EventReader } from './event-reader.ts';
import { fieldOf, numberOf } from './fields.ts';
import { DAMAGED, endOfString, INCOMPLETE, numberIn, skipSpace, skipValue } from './json-bytes.ts';

/** An event or a header value longer than this is damage. */
const LONGEST_EVENT = 8 * 2 ** 20;

/** Reading ends when damaged events took more bytes than this, and four times the bytes read. */
const WASTE = 2 ** 30;

/** This much of a chunk is appended to the rest of the previous one, to read the event across both. */
const SEAM = 2 ** 14;

const wanted = new Set(['deviceProperties', 'distributedInfo', 'baseTimeNanoseconds', 'with_stack']);

type State = 'begin' | 'key' | 'skip' | 'events' | 'end';

/**
 * Reads a PyTorch / Kineto Chrome trace from chunks of bytes, of any age of the format; memory holds the columns and one
 * event. The grammar, with white space anywhere:
 *
 *   trace  = { header, … "traceEvents": [ event, … ], header, … }  |  [ event, … ]
 *   header = "key": value
 */
export class TraceScanner {
  readonly #trace = new TraceBuilder();
  readonly #events = new EventReader(this.#trace);
  #buffer = new Uint8Array(1 << 16);
  #length = 0;
  #state: State = 'begin';
  #afterBareList = false;
  #sawEvents = false;
  // The state of skipping a header value that is not wanted, over chunks.
  #depth = 0;
  #inString = false;
  #escaped = false;
  #resyncing = false;
  /** Bytes looked at in vain, bytes done with, and the length of the buffer below which another look is not worth it. */
  #wasted = 0;
  #done = 0;
  #waitFor = 0;

  /** Takes the next bytes. Errors: GPU_NOT_A_TRACE, GPU_MEMORY_TIMELINE. */
  push(chunk: Uint8Array): void {
    const from = this.#length > 0 && this.#length < SEAM && chunk.length > SEAM ? this.#seam(chunk) : 0;
    if (this.#length === 0) {
      const used = this.#consume(chunk, from, chunk.length);
      this.#append(chunk.subarray(used));
    } else {
      this.#append(chunk);
      if (this.#length < this.#waitFor) return;
      const used = this.#consume(this.#buffer, 0, this.#length);
      this.#buffer.copyWithin(0, used, this.#length);
      this.#length -= used;
    }
    this.#waitFor = this.#length > 2 ** 17 ? this.#length * 2 : 0;
  }

  /** Reads the event that begins in what is left of the chunk before; the index in this chunk after it, 0 if it is longer. */
  #seam(chunk: Uint8Array): number {
    const left = this.#length;
    this.#append(chunk.subarray(0, SEAM));
    const used = this.#consume(this.#buffer, 0, this.#length);
    this.#length = 0;
    if (used >= left) return used - left;
    this.#buffer.copyWithin(0, used, left);
    this.#length = left - used;
    return 0;
  }

  /** The trace, after the last bytes. Errors: GPU_NOT_A_TRACE. */
  end(): Trace {
    this.#waitFor = 0;
    this.push(new Uint8Array([0x20]));
    if (this.#state === 'begin' || !this.#sawEvents) throw notATrace('it has no list of events');
    if (this.#state !== 'end') this.#trace.fault('truncated');
    return this.#trace.build('kineto');
  }

  #append(chunk: Uint8Array): void {
    const needed = this.#length + chunk.length;
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
      grown.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = grown;
    }
    this.#buffer.set(chunk, this.#length);
    this.#length = needed;
  }

  /** Reads what is whole; returns how many bytes are done with. */
  #consume(bytes: Uint8Array, from: number, end: number): number {
    let at = from;
    for (;;) {
      const next = this.#one(bytes, at, end);
      if (next === INCOMPLETE) return at;
      this.#done += next - at;
      at = next;
      if (at >= end) return end;
    }
  }

  #one(bytes: Uint8Array, at: number, end: number): number {
    switch (this.#state) {
      case 'begin':
        return this.#begin(bytes, at, end);
      case 'key':
        return this.#key(bytes, at, end);
      case 'skip':
        return this.#skip(bytes, at, end);
      case 'events':
        return this.#list(bytes, at, end);
      case 'end':
        return end;
      default:
        return this.#state satisfies never;
    }
  }

  #begin(bytes: Uint8Array, at: number, end: number): number {
    let here = at;
    if (bytes[here] === 0xef && bytes[here + 1] === 0xbb && bytes[here + 2] === 0xbf) here += 3;
    here = skipSpace(bytes, here, end);
    if (here >= end) return end;
    if (bytes[here] === 0x7b) {
      this.#state = 'key';
      return here + 1;
    }
    if (bytes[here] !== 0x5b) throw notATrace('it begins with neither { nor [');
    const first = skipSpace(bytes, here + 1, end);
    if (first >= end) return INCOMPLETE;
    if (bytes[first] === 0x5b) throw fail('GPU_MEMORY_TIMELINE', {});
    if (bytes[first] !== 0x7b && bytes[first] !== 0x5d) throw notATrace('its list holds no events');
    this.#afterBareList = true;
    this.#sawEvents = true;
    this.#state = 'events';
    return here + 1;
  }

  #key(bytes: Uint8Array, at: number, end: number): number {
    let here = skipSpace(bytes, at, end);
    if (here < end && bytes[here] === 0x2c) here = skipSpace(bytes, here + 1, end);
    if (here >= end) return end;
    if (bytes[here] === 0x7d) {
      this.#state = 'end';
      return here + 1;
    }
    if (bytes[here] !== 0x22) return this.#damagedHeader(end);
    const close = endOfString(bytes, here + 1, end);
    if (close === INCOMPLETE) return end - here > LONGEST_EVENT ? this.#damagedHeader(end) : INCOMPLETE;
    const colon = skipSpace(bytes, close + 1, end);
    const value = skipSpace(bytes, colon + 1, end);
    if (value >= end) return INCOMPLETE;
    if (bytes[colon] !== 0x3a) return this.#damagedHeader(end);
    const key = text(bytes, here + 1, Math.min(close, here + 65));
    if (key === 'traceEvents' && bytes[value] === 0x5b) {
      this.#state = 'events';
      this.#sawEvents = true;
      return value + 1;
    }
    if (!wanted.has(key)) {
      this.#state = 'skip';
      this.#depth = 0;
      this.#inString = this.#escaped = false;
      return value;
    }
    const after = skipValue(bytes, value, end);
    if (after === INCOMPLETE) return end - value > LONGEST_EVENT ? this.#damagedHeader(end) : INCOMPLETE;
    if (after === DAMAGED) return this.#damagedHeader(end);
    this.#header(key, bytes, value, after);
    return after;
  }

  /** Without a list of events this is no trace; after one, only what follows it is lost. */
  #damagedHeader(end: number): number {
    if (!this.#sawEvents) throw notATrace('its header is damaged');
    this.#trace.fault('damaged text');
    this.#state = 'end';
    return end;
  }

  #skip(bytes: Uint8Array, at: number, end: number): number {
    let here = at;
    while (here < end) {
      const byte = bytes[here];
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === 0x5c) this.#escaped = true;
        else if (byte === 0x22) this.#inString = false;
      } else if (byte === 0x22) this.#inString = true;
      else if (byte === 0x7b || byte === 0x5b) this.#depth += 1;
      else if (this.#depth === 0 && (byte === 0x2c || byte === 0x7d)) {
        this.#state = 'key';
        return here;
      } else if (byte === 0x7d || byte === 0x5d) this.#depth -= 1;
      here += 1;
    }
    return end;
  }

  /** Hot path. Reads events until the list ends, the bytes do, or one is damaged. */
  #list(bytes: Uint8Array, at: number, end: number): number {
    if (this.#resyncing) return this.#resync(bytes, at, end);
    let done = at;
    for (;;) {
      let here = skipSpace(bytes, done, end);
      while (here < end && bytes[here] === 0x2c) here = skipSpace(bytes, here + 1, end);
      if (here >= end) return end;
      if (bytes[here] !== 0x7b) return this.#noEvent(bytes, here);
      const next = this.#events.read(bytes, here, end);
      if (next < 0) return this.#unread(next, at, here, end);
      done = next;
    }
  }

  /** The list item is not an event. */
  #noEvent(bytes: Uint8Array, here: number): number {
    if (bytes[here] !== 0x5d) return this.#damaged(here);
    this.#state = this.#afterBareList ? 'end' : 'key';
    return here + 1;
  }

  /** An event is not whole, or damaged. */
  #unread(reason: number, at: number, here: number, end: number): number {
    if (reason === INCOMPLETE && end - here <= LONGEST_EVENT) return here === at ? INCOMPLETE : here;
    this.#wasted += end - here;
    if (this.#wasted > WASTE + 4 * (this.#done + here - at)) return this.#giveUp(end);
    return this.#damaged(here + 1);
  }

  #giveUp(end: number): number {
    this.#trace.fault('damaged text');
    this.#trace.fault('truncated');
    this.#state = 'end';
    return end;
  }

  #damaged(here: number): number {
    this.#trace.fault('damaged events');
    this.#resyncing = true;
    return here;
  }

  /** After damage, continues at the next `{` after a `,` or `[` that has a known key after it. */
  #resync(bytes: Uint8Array, at: number, end: number): number {
    let open = bytes.indexOf(0x7b, at);
    while (open >= 0 && open < end) {
      const key = skipSpace(bytes, open + 1, end);
      if (key + 6 >= end) return open === at ? INCOMPLETE : open;
      const before = lastNonSpace(bytes, open - 1, Math.max(at - 64, 0));
      const listed = before === 0x2c || before === 0x5b;
      if (listed && bytes[key] === 0x22 && topKeys.has(text(bytes, key + 1, key + 5))) {
        this.#resyncing = false;
        return open;
      }
      open = bytes.indexOf(0x7b, open + 1);
    }
    return end;
  }

  #header(key: string, bytes: Uint8Array, start: number, end: number): void {
    if (key === 'baseTimeNanoseconds') {
      const base = numberIn(bytes, start, end);
      if (Number.isFinite(base)) this.#trace.baseTimeUs = base / 1000;
      return;
    }
    const value = jsonOf(text(bytes, start, end));
    if (key === 'with_stack') this.#trace.withStack = value === 1 || value === true;
    else if (key === 'distributedInfo') readDistributedInfo(this.#trace, value);
    else if (Array.isArray(value)) this.#trace.devices = value.map(deviceOf);
  }
}

/** First bytes of keys with which recorded events begin. */
const topKeys = new Set(['ph":', 'ph" ', 'cat"', 'name', 'pid"', 'tid"', 'ts":', 'ts" ', 'dur"', 'args']);

function lastNonSpace(bytes: Uint8Array, from: number, least: number): number {
  let at = from;
  while (at >= least && bytes[at] <= 0x20) at -= 1;
  return at >= least ? bytes[at] : 0x2c;
}

function text(bytes: Uint8Array, start: number, end: number): string {
  return new TextDecoder().decode(bytes.subarray(start, end));
}

function jsonOf(source: string): unknown {
  try {
    return JSON.parse(source);
  } catch {
    return undefined;
  }
}

/** A device of the header; a missing field, or one of another type, is 0 or empty. */
function deviceOf(value: unknown): DeviceProperties {
  const name = fieldOf(value, 'name');
  return {
    id: numberOf(value, 'id') ?? 0,
    name: typeof name === 'string' ? name : '',
    computeMajor: numberOf(value, 'computeMajor') ?? 0,
    numSms: numberOf(value, 'numSms') ?? 0,
    memoryBytes: numberOf(value, 'totalGlobalMem') ?? 0,
  };
}

function notATrace(reason: string) {
  return fail('GPU_NOT_A_TRACE', { reason });
}
