import { fail } from '../../base/errors/fail.ts';
import type { HeldBytes } from '../limits/held-bytes.ts';

/** A message as it came; whoever takes it gives its `heldBytes` back once it is answered: more after it is decoded. */
export interface GrpcMessage {
  readonly isCompressed: boolean;
  readonly bytes: Buffer;
  heldBytes: number;
}

const HEAD_BYTES = 5;
const FIRST_BYTES = 4_096;
const NOTHING = Buffer.alloc(0);

/**
 * Cuts the data of a call into messages:
 *
 * ```
 * message = compressed(8) length(32) *byte
 * ```
 *
 * An unfinished one is copied into memory of its own, which grows as bytes arrive. A length that is only announced costs nothing,
 * and small pieces keep no larger ones alive.
 */
export class MessageReader {
  readonly #most: number;
  readonly #held: HeldBytes;
  readonly #head = Buffer.alloc(HEAD_BYTES);
  #headBytes = 0;
  #body: Buffer = NOTHING;
  #bodyBytes = 0;

  constructor(most: number, held: HeldBytes) {
    this.#most = most;
    this.#held = held;
  }

  /** Whether a message has begun that is not whole. */
  get isPartial(): boolean {
    return this.#headBytes > 0;
  }

  /** The messages that a piece completes. Errors: SERVER_BODY_SIZE, SERVER_HELD. */
  push(piece: Buffer): readonly GrpcMessage[] {
    const whole: GrpcMessage[] = [];
    let at = 0;
    while (at < piece.length) {
      at = this.#readHead(piece, at);
      if (this.#headBytes < HEAD_BYTES) break;
      const length = this.#head.readUInt32BE(1);
      if (length > this.#most) throw fail('SERVER_BODY_SIZE', {});
      const end = Math.min(piece.length, at + length - this.#bodyBytes);
      const isWhole = end - at === length;
      if (isWhole) this.#takeView(piece.subarray(at, end));
      else this.#copy(piece.subarray(at, end), length);
      at = end;
      if (this.#bodyBytes === length) whole.push(this.#message(length));
    }
    return whole;
  }

  /** Lets go of a message that is not whole. */
  release(): void {
    this.#held.give(this.#body.length);
    this.#reset();
  }

  #readHead(piece: Buffer, at: number): number {
    const end = Math.min(piece.length, at + HEAD_BYTES - this.#headBytes);
    this.#headBytes += piece.copy(this.#head, this.#headBytes, at, end);
    return end;
  }

  #takeView(bytes: Buffer): void {
    this.#held.take(bytes.length);
    this.#body = bytes;
    this.#bodyBytes = bytes.length;
  }

  #copy(bytes: Buffer, length: number): void {
    const needed = this.#bodyBytes + bytes.length;
    if (needed > this.#body.length) this.#grow(Math.min(length, Math.max(FIRST_BYTES, 2 * needed)));
    bytes.copy(this.#body, this.#bodyBytes);
    this.#bodyBytes = needed;
  }

  #grow(size: number): void {
    this.#held.take(size - this.#body.length);
    const grown = Buffer.allocUnsafeSlow(size);
    this.#body.copy(grown, 0, 0, this.#bodyBytes);
    this.#body = grown;
  }

  #message(length: number): GrpcMessage {
    const message = {
      isCompressed: this.#head[0] === 1,
      bytes: this.#body.subarray(0, length),
      heldBytes: this.#body.length,
    };
    this.#reset();
    return message;
  }

  #reset(): void {
    this.#headBytes = 0;
    this.#body = NOTHING;
    this.#bodyBytes = 0;
  }
}
