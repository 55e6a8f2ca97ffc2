import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { fail } from '../../../base/errors/fail.ts';
import { decodeFrame, type Frame, lookFrame, readFrameHeader } from './frame.ts';

/** The index has an entry for a frame about every so many bytes. */
const INDEX_EVERY_BYTES = 4_096;

const READ_BYTES = 256 * 1024;

/** What a scan of a segment found. */
export interface SegmentScan {
  /** Bytes of whole frames. */
  readonly goodBytes: number;
  /** Bytes behind them: a torn append, if nothing whole follows. */
  readonly cutBytes: number;
}

/** One file of a partition: frames in order, the first at `base`. Its index is in memory. */
export class Segment {
  readonly path: string;
  readonly base: number;
  end: number;
  sizeBytes = 0;
  lastIngestTs = Number.NEGATIVE_INFINITY;
  readonly fd: number;
  /** Sparse: offset, position and greatest ingest time before it, of one frame in many. */
  readonly #offsets: number[] = [];
  readonly #positions: number[] = [];
  readonly #ingestBefore: number[] = [];
  #indexedTo = Number.NEGATIVE_INFINITY;

  private constructor(path: string, base: number, fd: number) {
    this.path = path;
    this.base = base;
    this.end = base;
    this.fd = fd;
  }

  /** Opens a segment, or makes it. */
  static open(path: string, base: number): Segment {
    return new Segment(path, base, openSync(path, 'a+'));
  }

  /**
   * Reads the frames and builds the index. A bad end is cut off where `tail` allows it and nothing whole follows; else it
   * is LOG_CORRUPT, naming file and byte.
   */
  scan(tail: boolean): SegmentScan {
    const { size } = fstatSync(this.fd);
    const bytes = new Uint8Array(size);
    for (let at = 0; at < size; ) {
      const read = readSync(this.fd, bytes, at, size - at, at);
      if (read === 0) break;
      at += read;
    }
    let at = 0;
    while (at < size) {
      const found = lookFrame(bytes, at, true);
      if (found.kind !== 'frame') break;
      const header = readFrameHeader(found.body);
      if (header.offset !== this.end) this.#corrupt(at, `it has offset ${header.offset}, not ${this.end}`);
      this.#note(header.offset, at, header.lastIngestTs, header.count, found.end - at);
      at = found.end;
    }
    if (at === size) return { goodBytes: at, cutBytes: 0 };
    const next = nextWholeFrame(bytes, at + 1);
    if (!tail || next !== null)
      this.#corrupt(at, next === null ? 'the file ends within a frame' : `a whole frame follows at byte ${next}`);
    ftruncateSync(this.fd, at);
    return { goodBytes: at, cutBytes: size - at };
  }

  /** Appends a frame's bytes; a write that fails leaves the file as it was. */
  append(frame: Uint8Array, offset: number, count: number, lastIngestTs: number): void {
    const before = this.sizeBytes;
    try {
      for (let at = 0; at < frame.length; ) at += writeSync(this.fd, frame, at, frame.length - at);
    } catch (error) {
      ftruncateSync(this.fd, before);
      throw error;
    }
    this.#note(offset, before, lastIngestTs, count, frame.length);
  }

  /** The frames from the one that holds `offset` on. Error: LOG_CORRUPT. */
  *framesFrom(offset: number): Generator<Frame> {
    yield* this.#frames(this.#positions[lastAtMost(this.#offsets, offset)] ?? 0);
  }

  /** The frames from the first that can hold an ingest time at or after the instant on. */
  *framesFromIngest(ingestTs: number): Generator<Frame> {
    yield* this.#frames(this.#positions[Math.max(0, firstAtLeast(this.#ingestBefore, ingestTs) - 1)] ?? 0);
  }

  close(): void {
    closeSync(this.fd);
  }

  *#frames(from: number): Generator<Frame> {
    let start = from;
    let bytes = new Uint8Array(0);
    let at = 0;
    while (start + at < this.sizeBytes) {
      const found = lookFrame(bytes, at, true);
      if (found.kind === 'bad') this.#corrupt(start + at, found.reason);
      if (found.kind === 'frame') {
        yield decodeFrame(found.body);
        at = found.end;
        continue;
      }
      const rest = bytes.subarray(at);
      start += at;
      at = 0;
      bytes = this.#read(start, Math.min(this.sizeBytes - start, Math.max(READ_BYTES, rest.length * 2)));
      if (bytes.length <= rest.length) this.#corrupt(start, 'the file ends within a frame');
    }
  }

  #read(position: number, length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const read = readSync(this.fd, bytes, filled, length - filled, position + filled);
      if (read === 0) break;
      filled += read;
    }
    return bytes.subarray(0, filled);
  }

  #note(offset: number, position: number, lastIngestTs: number, count: number, bytes: number): void {
    if (position >= this.#indexedTo + INDEX_EVERY_BYTES) {
      this.#offsets.push(offset);
      this.#positions.push(position);
      this.#ingestBefore.push(this.lastIngestTs);
      this.#indexedTo = position;
    }
    this.end = offset + count;
    this.sizeBytes = position + bytes;
    this.lastIngestTs = lastIngestTs;
  }

  #corrupt(byte: number, reason: string): never {
    throw fail('LOG_CORRUPT', { path: this.path, byte, reason });
  }
}

function nextWholeFrame(bytes: Uint8Array, from: number): number | null {
  for (let at = bytes.indexOf(0x48, from); at >= 0; at = bytes.indexOf(0x48, at + 1)) {
    if (lookFrame(bytes, at, true).kind === 'frame') return at;
  }
  return null;
}

/** Index of the last value at most `limit`; 0 if none is. */
function lastAtMost(ascending: readonly number[], limit: number): number {
  return Math.max(0, firstAtLeast(ascending, limit + 1) - 1);
}

function firstAtLeast(ascending: readonly number[], limit: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle] < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
