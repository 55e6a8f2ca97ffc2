import type { Server, Socket } from 'node:net';
import { Server as SecureServer } from 'node:tls';
import { LeanConnection, type LeanOptions } from './lean-connection.ts';

const TICK_MS = 1_000;

/** Ticks until a body that does not come is the full server's, and until an idle connection is closed. */
const SLOW_TICKS = 5;
const IDLE_TICKS = 72;

export interface LeanServer {
  /** Lets the answers that are under way out, and closes every connection. */
  close(): void;
  /** Breaks off what is still open. */
  destroy(): void;
}

export interface LeanServerOptions extends Omit<LeanOptions, 'handOver'> {
  /** The full server: it finds the bytes that were read in the socket. Without it, the earlier owner of the connections of `server`. */
  readonly serveFull?: (socket: Socket) => void;
  /** Whether an idle connection is closed some day (true). */
  readonly closesIdle?: boolean;
}

/**
 * Lets the lean reader read every connection of a server until an unknown request. From there the full server
 * has it, as if from the beginning.
 */
export function serveLean(
  server: Server,
  { serveFull = listenerOf(server), closesIdle = true, ...options }: LeanServerOptions,
  tickMs = TICK_MS,
): LeanServer {
  const open = new Map<Socket, LeanConnection>();
  const handOver = (socket: Socket): void => {
    open.delete(socket);
    serveFull(socket);
  };
  server.on(connectionOf(server), (socket: Socket) => {
    open.set(socket, new LeanConnection(socket, { ...options, handOver }));
    socket.once('close', () => open.delete(socket));
  });
  const timer = setInterval(() => {
    for (const connection of open.values()) tick(connection, closesIdle);
  }, tickMs);
  timer.unref();
  return {
    close() {
      clearInterval(timer);
      for (const connection of open.values()) connection.close();
    },
    destroy() {
      for (const socket of open.keys()) socket.destroy();
    },
  };
}

/** Takes the connection listeners of a server away from it. */
function listenerOf(server: Server): (socket: Socket) => void {
  const event = connectionOf(server);
  const listeners = server.listeners(event);
  server.removeAllListeners(event);
  return (socket) => {
    for (const listener of listeners) Reflect.apply(listener, server, [socket]);
  };
}

/** The server's event for a connection that can be read. */
function connectionOf(server: Server): 'connection' | 'secureConnection' {
  return server instanceof SecureServer ? 'secureConnection' : 'connection';
}

function tick(connection: LeanConnection, closesIdle: boolean): void {
  connection.since += 1;
  if (connection.isBusy) {
    if (connection.since > SLOW_TICKS) connection.giveUp();
  } else if (closesIdle && connection.since > IDLE_TICKS) connection.close();
}
