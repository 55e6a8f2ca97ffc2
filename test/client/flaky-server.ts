import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One answer of the server, to the calls in their order; the last one stays. */
export type Reply = (response: ServerResponse, request: IncomingMessage) => void;

export interface FlakyServer {
  readonly url: string;
  /** Calls that came. */
  readonly calls: { readonly path: string; readonly authorization: string | undefined }[];
  close(): Promise<void>;
}

/** A server that answers as it is asked to, to be called by a client that has to cope with it. */
export async function flakyServer(replies: readonly Reply[]): Promise<FlakyServer> {
  const calls: FlakyServer['calls'] = [];
  const server = createServer((request, response) => {
    const reply = replies[Math.min(calls.length, replies.length - 1)];
    calls.push({ path: request.url ?? '', authorization: request.headers.authorization });
    request.resume().on('end', () => reply(response, request));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export const answer =
  (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Reply =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body));
  };

export const failure = (code: string, retry: string) => ({
  error: { code, message: 'it is so', hint: 'do this', retry },
});

/** The connection ends without an answer. */
export const hangUp: Reply = (_, { socket }) => socket.destroy();

/** Nothing ever comes. */
export const silence: Reply = () => undefined;
