import type { Server as HttpServer } from 'node:http';
import type { Http2Server, ServerHttp2Session } from 'node:http2';
import type { Server, Socket } from 'node:net';

/** Most connections of one server; a further one is closed at once. */
const MOST_CONNECTIONS = 10_000;

/** A client that has taken nothing of its answer for this long is gone, ms. */
const STALLED_MS = 60_000;

/** Time of a client of HTTP/2 until its first call, and without open calls after that, ms. */
const FIRST_CALL_MS = 10_000;
const IDLE_SESSION_MS = 300_000;

/** Times for tests. */
export interface SessionTimes {
  readonly firstCallMs?: number;
  readonly idleSessionMs?: number;
}

/** Bounds the connections that clients hold without having shown a key. */
export function boundConnections(server: Server, most = MOST_CONNECTIONS): void {
  server.maxConnections = most;
}

/** Breaks off connections that are still, unless a request is being answered and its client takes the answer. */
export function breakStalled(server: HttpServer, stalledMs = STALLED_MS): void {
  const answering = new WeakMap<Socket, number>();
  server.on('request', ({ socket }, response) => {
    answering.set(socket, (answering.get(socket) ?? 0) + 1);
    response.once('close', () => answering.set(socket, (answering.get(socket) ?? 1) - 1));
  });
  server.setTimeout(stalledMs, (socket) => {
    if (socket.writableLength > 0 || (answering.get(socket) ?? 0) === 0) socket.destroy();
  });
}

/** Ends a connection when all that was written is out; one whose client does not take it is broken off. */
export function endSoon(socket: Socket, stalledMs = STALLED_MS): void {
  socket.destroySoon();
  if (socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), stalledMs).unref();
  socket.once('close', () => clearTimeout(timer));
}

/**
 * Closes sessions of HTTP/2 that make no call: their clients have shown no key. Clients of gRPC connect again by themselves when they
 * have a call.
 */
export function boundSessions(
  server: Http2Server,
  { firstCallMs = FIRST_CALL_MS, idleSessionMs = IDLE_SESSION_MS }: SessionTimes,
): void {
  server.on('session', (session: ServerHttp2Session) => {
    let open = 0;
    let timer = setTimeout(() => session.destroy(), firstCallMs).unref();
    session.on('stream', (stream) => {
      clearTimeout(timer);
      open += 1;
      stream.once('close', () => {
        open -= 1;
        if (open > 0 || session.closed) return;
        clearTimeout(timer);
        timer = setTimeout(() => session.close(), idleSessionMs).unref();
      });
    });
    session.once('close', () => clearTimeout(timer));
  });
}
