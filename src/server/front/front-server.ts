import { type RequestListener, Server, type ServerOptions } from 'node:http';
import type { AddressInfo, ListenOptions } from 'node:net';
import { continueInTurn } from '../continue-in-turn.ts';
import { answerHalfOpen } from '../half-open.ts';
import type { HotAnswers } from '../lean/hot-answer.ts';
import { breakStalled } from '../limits/connections.ts';
import { Front, type FrontOptions } from './front.ts';
import { HandedSocket } from './handed-socket.ts';

export interface FrontServerOptions extends Pick<FrontOptions, 'bodyLimit' | 'tls' | 'hosts'> {
  readonly times: ServerOptions;
  readonly answers: HotAnswers;
  /** Connections that are still for this long are broken off, ms (60,000). */
  readonly stalledMs?: number;
}

/**
 * A server of node:http whose connections belong to a separate thread, the front. It reads requests to hot routes; they are answered here,
 * many at a time, and written there, so that sockets cost the answering thread nothing. A connection with any other request
 * comes here, for good, and is read as if it had come at once.
 */
export class FrontServer extends Server {
  readonly #options: FrontServerOptions;
  #front: Front | null = null;
  /** The front of a server that closes. */
  #closing: Front | null = null;

  constructor(options: FrontServerOptions, listener: RequestListener) {
    super(options.times, listener);
    this.#options = options;
    Object.defineProperty(this, 'listening', { get: () => this.#front !== null });
    breakStalled(this, options.stalledMs);
    continueInTurn(answerHalfOpen(this));
  }

  /** As of a server: 'listening' follows, or 'error'. */
  override listen(...[given]: unknown[]): this {
    const { host = '127.0.0.1', port = 0 } = given as ListenOptions;
    const { answers, bodyLimit, tls, hosts } = this.#options;
    Front.open({ host, port, bodyLimit, tls, hosts }, answers, (handed) =>
      this.emit('connection', new HandedSocket(handed)),
    ).then(
      (front) => {
        this.#front = front;
        this.emit('listening');
      },
      (error) => this.emit('error', error),
    );
    return this;
  }

  override address(): AddressInfo | null {
    return this.#front?.address ?? null;
  }

  /** Breaks off what is still open of a server that closes. */
  override closeAllConnections(): void {
    super.closeAllConnections();
    void this.#closing?.destroy();
  }

  /** Calls back when the last connection is closed; answers that are under way are let out. */
  override close(closed?: (error?: Error) => void): this {
    const front = this.#front;
    this.#front = null;
    this.#closing = front;
    // Of itself it has no connection, and is done at once.
    return super.close((error) => {
      if (front === null) closed?.(error);
      else void front.close().then(() => closed?.());
    });
  }
}
