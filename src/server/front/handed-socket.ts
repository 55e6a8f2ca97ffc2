import { Duplex } from 'node:stream';
import type { MessagePort } from 'node:worker_threads';
import { alone, type Piece } from './messages.ts';

/** More than this is not on its way to a client, bytes: it takes it more slowly than it is made. */
const MOST_SENT = 256 * 1_024;

/** A connection that the front has handed over, as the full server reads and writes it: with as much of a socket as node:http asks for. */
export class HandedSocket extends Duplex {
  readonly #port: MessagePort;
  /** Resumes writing when there is room. */
  #written: (() => void) | null = null;
  /** Bytes on their way to the client. */
  #sent = 0;
  /** Bytes of the client that are not called taken yet. */
  #unread = 0;
  #idle: NodeJS.Timeout | null = null;

  constructor(port: MessagePort) {
    super({ allowHalfOpen: true });
    this.#port = port;
    port.on('message', (piece: Piece) => {
      this.#idle?.refresh();
      if (piece === 'end') this.push(null);
      else if (typeof piece === 'number') {
        this.#sent -= piece;
        if (this.#sent < MOST_SENT) this.#goOn();
      } else {
        this.#unread += piece.length;
        if (this.push(piece)) this._read();
      }
    });
    // The client is gone.
    port.on('close', () => this.destroy());
  }

  /** As of net.Socket; 0: never. */
  setTimeout(ms: number, onTimeout?: () => void): this {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = ms > 0 ? setTimeout(() => this.emit('timeout'), ms).unref() : null;
    if (onTimeout !== undefined) this.once('timeout', onTimeout);
    return this;
  }

  /** Closes the connection when all that was written is out. */
  destroySoon(): void {
    this.end(() => this.destroy());
  }

  override _read(): void {
    if (this.#unread === 0) return;
    this.#port.postMessage(this.#unread satisfies Piece);
    this.#unread = 0;
  }

  override _write(bytes: Uint8Array, _: BufferEncoding, written: () => void): void {
    this.#idle?.refresh();
    this.#port.postMessage(alone(bytes) satisfies Piece);
    this.#sent += bytes.length;
    // At once, as a socket does: data written right before it is destroyed gets out.
    if (this.#sent < MOST_SENT) written();
    else this.#written = written;
  }

  override _final(ended: () => void): void {
    this.#port.postMessage('end' satisfies Piece);
    ended();
  }

  override _destroy(error: Error | null, destroyed: (error: Error | null) => void): void {
    this.setTimeout(0);
    this.#port.close();
    this.#goOn();
    destroyed(error);
  }

  #goOn(): void {
    const written = this.#written;
    this.#written = null;
    written?.();
  }
}
