import { fail, isHeadraceError } from '../../../base/errors/fail.ts';
import type { SeeHead } from '../../../ports/event-log.ts';
import {
  bodyLength,
  decodeFrame,
  eachHeadOf,
  FRAME_HEAD_BYTES,
  FRAME_HEADER_BYTES,
  type Frame,
  type FrameHeader,
  isThisVersion,
  lookFrame,
  nextMagic,
  readFrameHeader,
} from './frame.ts';
import type { LogFiles } from './log-files.ts';
import { SegmentIndex } from './segment-index.ts';

const READ_BYTES = 256 * 1024;

/** How far a segment goes. */
export interface SegmentEnd {
  readonly end: number;
  readonly sizeBytes: number;
  /** The largest ingest time of the partition up to there. */
  readonly lastIngestTs: number;
}

/** One file of a partition: frames in order, the first at `base`. Its index is in memory. */
export class Segment {
  readonly path: string;
  readonly base: number;
  readonly fd: number;
  readonly #files: LogFiles;
  readonly #index = new SegmentIndex();
  #end: SegmentEnd;
  /** The file may have bytes behind its end, which a failed append left and nothing could cut off yet. */
  #torn = false;

  /** Opens a segment, or makes it. */
  constructor(files: LogFiles, path: string, base: number, ingestBefore: number) {
    this.#files = files;
    this.path = path;
    this.base = base;
    this.fd = files.open(path);
    this.#end = { end: base, sizeBytes: 0, lastIngestTs: ingestBefore };
  }

  get at(): SegmentEnd {
    return this.#end;
  }

  /** Whether the file has bytes behind its end. */
  get isTorn(): boolean {
    return this.#torn;
  }

  get isEmpty(): boolean {
    return this.#end.end === this.base;
  }

  /**
   * Reads every frame of the newest segment and builds the index. An append that was never acknowledged and is not whole
   * is left out, giving the bytes; any other bad frame is LOG_CORRUPT, naming file and byte; LOG_FORMAT.
   */
  scanNewest(): number {
    const bytes = this.#read(0, this.#files.size(this.fd));
    let at = 0;
    while (at < bytes.length) {
      const found = lookFrame(bytes, at);
      if (found.kind === 'other') throw fail('LOG_FORMAT', { path: this.path, found: found.version, known: 1 });
      if (found.kind !== 'frame') break;
      this.#note(this.#header(found.body, at), at, found.end - at);
      at = found.end;
    }
    if (at === bytes.length) return 0;
    const after = this.#laterFrame(bytes, at);
    if (after !== null) this.#corrupt(at, `what follows, at byte ${after}, says that it was acknowledged`);
    // It goes with the next append: a store that has seen these events tells that they are damaged, not torn.
    this.#torn = true;
    return bytes.length - at;
  }

  /** Builds the index of an older segment from the heads of its frames. Errors: LOG_CORRUPT, LOG_FORMAT. */
  scanOlder(): void {
    const size = this.#files.size(this.fd);
    let bytes = new Uint8Array(0);
    let start = 0;
    for (let at = 0; at < size; ) {
      if (at - start + FRAME_HEAD_BYTES > bytes.length) {
        start = at;
        bytes = this.#read(start, Math.min(size - start, READ_BYTES));
      }
      const length = bodyLength(bytes, at - start);
      if (typeof length !== 'number')
        this.#corrupt(at, length.kind === 'bad' ? length.reason : 'the file ends within a frame');
      const end = at + FRAME_HEADER_BYTES + length;
      if (end > size) this.#corrupt(at, 'the file ends within a frame');
      if (!isThisVersion(bytes, at - start))
        throw fail('LOG_FORMAT', { path: this.path, found: bytes[at - start + 3], known: 1 });
      const body = bytes.subarray(at - start + FRAME_HEADER_BYTES, end - start);
      this.#note(this.#header(body, at), at, end - at);
      at = end;
    }
  }

  /** Appends a frame; a write that fails leaves the segment as it was. */
  append(frame: Uint8Array, count: number, lastIngestTs: number): void {
    const { end, sizeBytes } = this.#end;
    this.repair();
    this.#torn = true;
    try {
      for (let at = 0; at < frame.length; ) at += this.#files.append(this.fd, frame, at);
      this.#torn = false;
    } catch (error) {
      this.#mendIfPossible();
      throw error;
    }
    const header = { offset: end, count, firstIngestTs: lastIngestTs, lastIngestTs, safeBytes: 0 };
    this.#note(header, sizeBytes, frame.length);
  }

  /** Truncates the segment to an earlier end. */
  cutTo(end: SegmentEnd): void {
    this.#end = end;
    this.#index.cutTo(end.sizeBytes);
    this.#torn = true;
    this.#mendIfPossible();
  }

  /** Cuts off what a failed append left behind the end. */
  repair(): void {
    if (this.#torn) this.#files.truncate(this.fd, this.#end.sizeBytes);
    this.#torn = false;
  }

  sync(): void {
    this.#files.sync(this.fd);
  }

  /** The frames from the one that holds `offset` on. Error: LOG_CORRUPT. */
  framesFrom(offset: number): Generator<Frame> {
    return this.#frames(this.#index.positionOf(offset), decodeFrame);
  }

  /** Calls `see` with the heads of the records of these frames, a frame a step, which gives its end. Error: LOG_CORRUPT. */
  headsFrom(offset: number, see: SeeHead): Generator<number> {
    return this.#frames(this.#index.positionOf(offset), (body) => eachHeadOf(body, see));
  }

  /** The frames from the first that can hold an ingest time at or after the instant on. */
  framesFromIngest(ingestTs: number): Generator<Frame> {
    return this.#frames(this.#index.positionOfIngest(ingestTs), decodeFrame);
  }

  close(): void {
    this.#files.close(this.fd);
  }

  *#frames<T>(from: number, decode: (body: Uint8Array) => T): Generator<T> {
    const { sizeBytes } = this.#end;
    let start = from;
    let bytes = new Uint8Array(0);
    let at = 0;
    while (start + at < sizeBytes) {
      const found = lookFrame(bytes, at);
      if (found.kind === 'frame') {
        yield this.#damage(start + at, () => decode(found.body));
        at = found.end;
        continue;
      }
      if (found.kind !== 'short') this.#corrupt(start + at, found.kind === 'bad' ? found.reason : 'it has no version');
      const rest = bytes.length - at;
      start += at;
      at = 0;
      bytes = this.#read(start, Math.min(sizeBytes - start, Math.max(READ_BYTES, rest * 2)));
      if (bytes.length <= rest) this.#corrupt(start, 'the file ends within a frame');
    }
  }

  /** Where behind a bad frame a whole one stands that was written when the bad one was acknowledged; null if none does. */
  #laterFrame(bytes: Uint8Array, bad: number): number | null {
    for (let at = nextMagic(bytes, bad + 1); at >= 0; at = nextMagic(bytes, at + 1)) {
      const found = lookFrame(bytes, at);
      if (found.kind !== 'frame') continue;
      const header = this.#damage(at, () => readFrameHeader(found.body));
      // Bytes of a payload may look like a frame; they do not continue the segment.
      if (header.offset > this.#end.end && header.safeBytes > bad && header.safeBytes <= at) return at;
    }
    return null;
  }

  #header(body: Uint8Array, at: number): FrameHeader {
    const header = this.#damage(at, () => readFrameHeader(body));
    const { end } = this.#end;
    if (header.offset !== end) this.#corrupt(at, `it has offset ${header.offset}, not ${end}`);
    return header;
  }

  #note({ offset, count, lastIngestTs }: FrameHeader, position: number, bytes: number): void {
    this.#index.note(offset, position, this.#end.lastIngestTs);
    const largest = Math.max(this.#end.lastIngestTs, lastIngestTs);
    this.#end = { end: offset + count, sizeBytes: position + bytes, lastIngestTs: largest };
  }

  #mendIfPossible(): void {
    try {
      this.repair();
    } catch {
      // The next append tries again, before it writes.
    }
  }

  #read(position: number, length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, this.#files.read(this.fd, bytes, position));
  }

  #damage<T>(byte: number, work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (!isHeadraceError(error)) throw error;
      throw fail('LOG_CORRUPT', { path: this.path, byte, reason: error.message }, error);
    }
  }

  #corrupt(byte: number, reason: string): never {
    throw fail('LOG_CORRUPT', { path: this.path, byte, reason });
  }
}
