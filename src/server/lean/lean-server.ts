import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { LeanConnection, type LeanOptions } from './lean-connection.ts';

const TICK_MS = 1_000;

/** Ticks until a body that does not come is the full server's, and until an idle connection is closed. */
const SLOW_TICKS = 5;
const IDLE_TICKS = 72;

export interface LeanServer {
  /** Lets the answers that are under way out, and closes every connection. */
  close(): void;
}

/**
 * Puts the lean reader before an HTTP server: every connection is read by it until it brings something that it does not
 * know, from where on the server has it, as if it had had it from the beginning.
 */
export function serveLean(server: Server, options: Omit<LeanOptions, 'handOver'>, tickMs = TICK_MS): LeanServer {
  const serveFull = server.listeners('connection');
  server.removeAllListeners('connection');
  const open = new Map<Socket, LeanConnection>();
  const handOver = (socket: Socket): void => {
    open.delete(socket);
    for (const serve of serveFull) Reflect.apply(serve, server, [socket]);
  };
  server.on('connection', (socket: Socket) => {
    open.set(socket, new LeanConnection(socket, { ...options, handOver }));
    socket.once('close', () => open.delete(socket));
  });
  const timer = setInterval(() => {
    for (const connection of open.values()) tick(connection);
  }, tickMs);
  timer.unref();
  return {
    close() {
      clearInterval(timer);
      for (const connection of open.values()) connection.close();
    },
  };
}

function tick(connection: LeanConnection): void {
  connection.since += 1;
  if (connection.isBusy) {
    if (connection.since > SLOW_TICKS) connection.giveUp();
  } else if (connection.since > IDLE_TICKS) connection.close();
}
