import type { IncomingMessage, ServerResponse } from 'node:http';
import { type DecodedCounts, decodedBytes } from '../../schema/json-bounds.ts';
import { type HeldBytes, heldBy } from './held-bytes.ts';

/** Bytes that a byte of a short body may take when it is read: an empty object has three bytes of text. */
const MOST_OF_BYTE = 16;

/** Most bytes that a short body takes when it is read. */
export function mostDecoded(length: number): number {
  return MOST_OF_BYTE * length;
}

/** The memory that a request holds. */
export function requestHeld({ socket }: IncomingMessage, response: ServerResponse): RequestHeld {
  return new RequestHeld(heldBy(socket), response);
}

/** Memory that one request holds, as sent and as read, until its answer is out or its client has gone. */
export class RequestHeld {
  readonly share: HeldBytes;
  readonly #response: ServerResponse;
  #bytes = 0;

  constructor(share: HeldBytes, response: ServerResponse) {
    this.share = share;
    this.#response = response;
    response.once('close', () => this.#release());
  }

  /** Counts bytes. Error: SERVER_HELD. */
  take(bytes: number): void {
    this.share.take(bytes);
    this.adopt(bytes);
  }

  /** Counts what a body has when it is read. Error: SERVER_HELD. */
  readonly takeCounts = (counts: DecodedCounts): void => this.take(decodedBytes(counts));

  /** Answers for bytes that the share counts already. */
  adopt(bytes: number): void {
    this.#bytes += bytes;
    if (this.#response.destroyed || this.#response.closed) this.#release();
  }

  #release(): void {
    this.share.give(this.#bytes);
    this.#bytes = 0;
  }
}
