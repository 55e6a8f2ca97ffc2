import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A way to a server that a test slows down, cuts, or leads to another one. */
export class HeldGate {
  /** Port of the server that it leads to; null: nobody answers. */
  target: number | null;
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #isHeld = false;

  private constructor(target: number) {
    this.target = target;
    this.#server = createServer((near) => this.#join(near));
  }

  static async open(target: number): Promise<HeldGate> {
    const gate = new HeldGate(target);
    gate.#server.listen(0, '127.0.0.1');
    await once(gate.#server, 'listening');
    return gate;
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  }

  /** Nothing passes, in either direction, until it is let go: connections stay open. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    for (const socket of [...this.#pairs].flat()) {
      if (isHeld) socket.pause();
      else socket.resume();
    }
  }

  /** Cuts every connection. */
  cut(): void {
    for (const socket of [...this.#pairs].flat()) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(near: Socket): void {
    if (this.target === null) {
      near.destroy();
      return;
    }
    const far = connect(this.target, '127.0.0.1');
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    for (const [from, to] of [pair, [far, near] as const]) {
      from.on('data', (bytes) => to.write(bytes));
      from.on('end', () => to.end());
      from.on('error', end);
      from.on('close', end);
      if (this.#isHeld) from.pause();
    }
  }
}
