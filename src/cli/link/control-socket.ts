import { chmodSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join, relative, resolve } from 'node:path';
import type { Headrace } from '../../running/headrace.ts';
import type { RunningServer, ServerOptions } from '../../server/http-server.ts';

/** Longest path that a socket may have, bytes: what the shortest of the systems takes. */
const LONGEST_PATH = 100;

/** Where the process that writes an environment answers commands of the same user; null where its path is too long for a socket. */
export function controlPath(directory: string): string | null {
  const path = resolve(directory, 'control.sock');
  const short = relative(process.cwd(), path);
  const shortest = short.length < path.length ? short : path;
  return Buffer.byteLength(shortest) > LONGEST_PATH ? null : shortest;
}

/**
 * Answers the commands that work through a running server, without a key: only this user may connect. The lock of the environment is
 * held, so that an existing socket is of a dead process. `report` takes the reason if there can be none.
 */
export async function openControl(
  headrace: Headrace,
  options: Pick<ServerOptions, 'bodyLimit' | 'spineLimit' | 'jobs' | 'group'>,
  report: (error: unknown) => void,
): Promise<RunningServer | null> {
  const socketPath = controlPath(headrace.directory);
  if (socketPath === null) {
    report(`${join(headrace.directory, 'control.sock')} is too long for a socket; commands need --server`);
    return null;
  }
  const { startServer } = await import('../../server/http-server.ts');
  try {
    rmSync(socketPath, { force: true });
    const server = await startServer(headrace, { ...options, host: '127.0.0.1', port: 0, socketPath });
    chmodSync(socketPath, 0o600);
    return server;
  } catch (error) {
    report(error);
    return null;
  }
}

/** Whether a process answers at a socket. */
export function answersAt(socketPath: string): Promise<boolean> {
  return new Promise((found) => {
    const socket = connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      found(true);
    });
    socket.once('error', () => found(false));
  });
}
