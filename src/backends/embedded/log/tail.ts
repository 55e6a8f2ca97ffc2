import type { SeeHead } from '../../../ports/event-log.ts';
import { decodeFrame, eachHeadOf, type Frame } from './frame.ts';

/** Bytes of the newest frames that are kept in memory. */
const TAIL_BYTES = 2 * 2 ** 20;

interface TailFrame {
  readonly offset: number;
  readonly end: number;
  readonly body: Uint8Array;
}

/** The newest frames of a partition, so that readers at its end need no disk. */
export class Tail {
  #frames: TailFrame[] = [];
  #oldest = 0;
  #bytes = 0;

  /** Takes the body of a frame; it is kept, not copied. */
  push(offset: number, end: number, body: Uint8Array): void {
    this.#frames.push({ offset, end, body });
    this.#bytes += body.length;
    while (this.#bytes > TAIL_BYTES && this.#oldest < this.#frames.length - 1) {
      this.#bytes -= this.#frames[this.#oldest].body.length;
      this.#oldest += 1;
    }
    if (this.#oldest < 64 || this.#oldest * 2 < this.#frames.length) return;
    this.#frames = this.#frames.slice(this.#oldest);
    this.#oldest = 0;
  }

  clear(): void {
    this.#frames = [];
    this.#oldest = 0;
    this.#bytes = 0;
  }

  /** The frames from the one that holds `offset` on; null if it is older than all. */
  framesFrom(offset: number): Iterable<Frame> | null {
    return this.#from(offset, decodeFrame);
  }

  /** Calls `see` with the heads of the records of these frames, a frame a step, which gives its end; null if it is older than all. */
  headsFrom(offset: number, see: SeeHead): Iterable<number> | null {
    return this.#from(offset, (body) => eachHeadOf(body, see));
  }

  #from<T>(offset: number, decode: (body: Uint8Array) => T): Iterable<T> | null {
    const oldest = this.#frames[this.#oldest];
    return oldest === undefined || offset < oldest.offset ? null : this.#decoded(offset, decode);
  }

  *#decoded<T>(offset: number, decode: (body: Uint8Array) => T): Generator<T> {
    let low = this.#oldest;
    let high = this.#frames.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#frames[middle].end <= offset) low = middle + 1;
      else high = middle;
    }
    for (; low < this.#frames.length; low += 1) yield decode(this.#frames[low].body);
  }
}
