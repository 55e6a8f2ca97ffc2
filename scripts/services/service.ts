import { randomInt } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { root } from '../run-command.ts';

/** Something that tests or benches run against, on this machine and for this machine only. */
export interface Service {
  readonly name: string;
  /** The variables that `up` gives. */
  readonly sets: readonly string[];
  /** Deep tests alone use it: `fetch` without names leaves it out, since the gate never needs it. */
  readonly isDeep?: boolean;
  /** Downloads it, where the cache does not have it. */
  fetch(): Promise<void>;
  /** Starts it, or finds it running and well; gives where it answers, for the environment of who uses it. */
  up(): Promise<Readonly<Record<string, string>>>;
  /** Ends what `up` started; nothing where nothing runs. */
  down(): Promise<void>;
  /** Null where it does not run. */
  status(): Promise<Readonly<Record<string, string>> | null>;
}

/** Data, logs and states of the services of this clone, in run/. Not in git. */
const folder = join(root, '.services');

/** Downloads, outside of the clone: every clone of this user has the same. */
function cacheFolder(): string {
  const { HEADRACE_CACHE: own, XDG_CACHE_HOME: ofUser } = process.env;
  return own ?? join(ofUser ?? join(homedir(), '.cache'), 'headrace');
}

/** A download, or the unpacked content of one, kept over runs. */
export function cached(...path: readonly string[]): string {
  const place = resolve(cacheFolder(), 'services', ...path);
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

/** Those that were given already: who starts several servers at once asks before the first listens. */
const given = new Set<number>();

/** Ports of the loopback interface that nobody listens on, all different; with each this many that follow it. */
export async function freePorts(count: number, followers = 0): Promise<readonly number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const first = randomInt(LOWEST_PORT, HIGHEST_PORT - followers);
    const all = Array.from({ length: 1 + followers }, (_, i) => first + i);
    if (all.some((port) => given.has(port)) || (await Promise.all(all.map(isFree))).includes(false)) continue;
    for (const port of all) given.add(port);
    ports.push(first);
  }
  return ports;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
