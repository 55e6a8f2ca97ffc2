import { randomInt } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { root } from '../run-command.ts';

/** Something that tests or benches run against, on this machine and for this machine only. */
export interface Service {
  readonly name: string;
  /** Starts it, or finds it running and well; gives where it answers, for the environment of who uses it. */
  up(): Promise<Readonly<Record<string, string>>>;
  /** Ends what `up` started; nothing where nothing runs. */
  down(): Promise<void>;
  /** Null where it does not run. */
  status(): Promise<Readonly<Record<string, string>> | null>;
}

/** Everything of the services: downloads in cache/, data, logs and states in run/. Not in git. */
const folder = join(root, '.services');

/** A download or what was unpacked of one, kept over runs. */
export function cached(...path: readonly string[]): string {
  const place = join(folder, 'cache', ...path);
  mkdirSync(dirname(place), { recursive: true });
  return place;
}

/** The folder of what runs under a name. */
export function runFolder(name: string): string {
  const place = join(folder, 'run', name);
  mkdirSync(place, { recursive: true });
  return place;
}

export function removeRunFolder(name: string): void {
  rmSync(join(folder, 'run', name), { recursive: true, force: true });
}

/** What a service noted when it was started; null where it was not. */
export function readState<T>(name: string): T | null {
  try {
    return JSON.parse(readFileSync(join(folder, 'run', name, 'state.json'), 'utf8'));
  } catch {
    return null;
  }
}

export function writeState(name: string, state: unknown): void {
  writeFileSync(join(runFolder(name), 'state.json'), JSON.stringify(state));
}

/** Where ports are taken from: below those that the system gives to outgoing connections. */
const LOWEST_PORT = 20_000;
const HIGHEST_PORT = 32_000;

/** Ports of the loopback interface that nobody listens on, all different. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = randomInt(LOWEST_PORT, HIGHEST_PORT);
    if (!ports.includes(port) && (await isFree(port))) ports.push(port);
  }
  return ports;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
