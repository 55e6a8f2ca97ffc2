import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * What a stretch of wire does. `whole`: passes bytes on. `slow`: passes a few bytes in each turn of the event loop. `stalled`: keeps and
 * accepts connections, and passes nothing on. `away`: cuts every connection and refuses new ones.
 */
export type WireState = 'whole' | 'slow' | 'stalled' | 'away';

/** Bytes that a slow wire passes on in one turn. */
const SLOW_BYTES = 24;

/** A wire between clients and a server of the loopback interface, with faults. It keeps one port in every state. */
export class FaultWire {
  readonly port: number;
  readonly #target: number;
  #server: Server;
  #state: WireState = 'whole';
  readonly #sockets = new Set<Socket>();

  private constructor(port: number, target: number, server: Server) {
    this.port = port;
    this.#target = target;
    this.#server = server;
    server.on('connection', (client) => this.#join(client));
  }

  static async open(target: number): Promise<FaultWire> {
    const server = createServer();
    await listen(server, 0);
    const address = server.address();
    return new FaultWire(typeof address === 'object' && address !== null ? address.port : 0, target, server);
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#sockets.size;
  }

  async set(state: WireState): Promise<void> {
    const before = this.#state;
    this.#state = state;
    if (state === 'away') await this.#shut();
    else if (before === 'away') {
      this.#server = createServer((client) => this.#join(client));
      await listen(this.#server, this.port);
    }
    for (const socket of this.#sockets) {
      if (state === 'stalled') socket.pause();
      else socket.resume();
    }
  }

  /** Cuts the connections that are open; new ones are taken. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    if (this.#state !== 'away') await this.#shut();
  }

  async #shut(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.cut();
    await closed;
  }

  #join(client: Socket): void {
    // It may have been accepted just before.
    if (this.#state === 'away') {
      client.destroy();
      return;
    }
    const server = connect(this.#target, '127.0.0.1');
    const pairs = [
      [client, server],
      [server, client],
    ] as const;
    for (const [from, to] of pairs) {
      this.#sockets.add(from);
      let sent: Promise<void> = Promise.resolve();
      from.on('data', (bytes: Buffer) => {
        sent = sent.then(() => this.#pass(bytes, to));
      });
      from.on('error', () => undefined);
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      if (this.#state === 'stalled') from.pause();
    }
  }

  async #pass(bytes: Buffer, to: Socket): Promise<void> {
    for (let from = 0; from < bytes.length; ) {
      const size = this.#state === 'slow' ? SLOW_BYTES : bytes.length - from;
      to.write(bytes.subarray(from, from + size));
      from += size;
      if (from < bytes.length) await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
}
