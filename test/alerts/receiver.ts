import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request that a receiver got, and its answer to it; 0: it never answered. */
export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly status: number;
}

/** How a receiver answers the next requests: a status, a hang, or an accepted message whose answer is lost. */
export type Behaviour = number | 'hang' | 'lose' | { readonly status: number; readonly retryAfter: string };

export interface Receiver {
  readonly url: string;
  readonly received: Received[];
  /** The answers of the next requests, in order; then `otherwise`. */
  plan: Behaviour[];
  otherwise: Behaviour;
  close(): Promise<void>;
}

/** A real HTTP server on loopback that fails, hangs and loses answers as it is asked to. */
export async function startReceiver(port = 0): Promise<Receiver> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const behaviour = receiver.plan.shift() ?? receiver.otherwise;
      const { url = '', headers } = request;
      const status =
        behaviour === 'hang'
          ? 0
          : behaviour === 'lose'
            ? 200
            : typeof behaviour === 'number'
              ? behaviour
              : behaviour.status;
      received.push({ path: url, headers, body: Buffer.concat(parts).toString(), status });
      if (behaviour === 'hang') return;
      if (behaviour === 'lose') {
        response.destroy();
        return;
      }
      response
        .writeHead(status, typeof behaviour === 'object' ? { 'retry-after': behaviour.retryAfter } : {})
        .end('said');
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const { port: bound } = server.address() as AddressInfo;
  const receiver: Receiver = {
    url: `http://127.0.0.1:${bound}`,
    received,
    plan: [],
    otherwise: 200,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return receiver;
}
