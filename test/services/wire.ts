import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A stretch of wire that can be cut: passes bytes on between a client and a server of the loopback interface. */
export class Wire {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  /** Bytes that the next answers may have until the wire is cut; null: as many as they want. */
  #bytesLeft: number | null = null;

  #target: number;

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer((client) => this.#join(client, connect(this.#target, '127.0.0.1')));
  }

  static async open(target: number): Promise<Wire> {
    const wire = new Wire(target);
    wire.#server.listen(0, '127.0.0.1');
    await once(wire.#server, 'listening');
    return wire;
  }

  get url(): string {
    const address = this.#server.address();
    return `redis://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`;
  }

  /** How often it was cut during an answer. */
  cuts = 0;

  /** Cuts every connection after this many bytes of answers: during one. */
  cutAfter(bytes: number): void {
    this.#bytesLeft = bytes;
  }

  /** Leads new connections elsewhere, and cuts those there are. */
  turnTo(target: number): void {
    this.#target = target;
    this.cut();
  }

  cut(): void {
    for (const [client, server] of this.#pairs) {
      client.destroy();
      server.destroy();
    }
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(client: Socket, server: Socket): void {
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    client.pipe(server);
    server.on('data', (bytes: Buffer) => {
      if (this.#bytesLeft === null) return client.write(bytes);
      client.write(bytes.subarray(0, this.#bytesLeft));
      this.#bytesLeft -= bytes.length;
      if (this.#bytesLeft > 0) return true;
      this.#bytesLeft = null;
      this.cuts += 1;
      this.cut();
      return false;
    });
    for (const socket of pair)
      socket
        .on('error', () => undefined)
        .on('close', () => {
          for (const each of pair) each.destroy();
          this.#pairs.delete(pair);
        });
  }
}
