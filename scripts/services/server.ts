import { spawn } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Binary, environmentOf } from './binaries.ts';

/** A server that was started here. */
export interface Server {
  readonly port: number;
  readonly pid: number;
  readonly directory: string;
}

export interface ServerOptions {
  readonly binary: Binary;
  readonly directory: string;
  readonly port: number;
  /** Further settings, as on the server's command line. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Of Java: servers of suites end before the code of its second compiler has earned what it took of the processors. */
export const SHORT_LIVED = '-XX:TieredStopAtLevel=1';

/** A server that starts among all the others, on a slow machine, has this long to answer, ms. */
export const START_MS = 300_000;

/** Starts a server on the loopback interface that outlives this process; waits until it listens. */
export async function startServer({ binary, directory, port, settings = {} }: ServerOptions): Promise<Server> {
  mkdirSync(directory, { recursive: true });
  const all = {
    port: String(port),
    bind: '127.0.0.1',
    dir: directory,
    save: '',
    appendonly: 'no',
    'maxmemory-policy': 'noeviction',
    'enable-debug-command': 'local',
    ...settings,
  };
  const server = startDetached({
    command: binary.path,
    args: Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]),
    directory,
    port: Number(settings['tls-port'] ?? port),
    log: join(directory, 'log'),
    env: environmentOf(binary),
  });
  for (const end = Date.now() + START_MS; !(await isListening(server.port)); await sleep(20)) {
    if (isRunning(server) && Date.now() < end) continue;
    throw new Error(`${binary.name} does not answer; ${tail(join(directory, 'log'))}`);
  }
  return server;
}

/** Processes that this one started and that have not ended: right after its start a process is not in its folder yet. */
const started = new Set<number>();

/** Starts a program that outlives this process, in a folder, with its output in a file. */
export function startDetached(options: {
  readonly command: string;
  readonly args: readonly string[];
  readonly directory: string;
  readonly port: number;
  readonly log: string;
  readonly env?: Readonly<Record<string, string>>;
}): Server {
  const { command, args, directory, port, log, env = {} } = options;
  const output = openSync(log, 'a');
  const child = spawn(command, args, {
    cwd: directory,
    detached: true,
    env: { ...process.env, ...env },
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  child.unref();
  // Whoever waits for the server finds that it does not run, and its output says why.
  child.once('error', ({ message }) => appendFileSync(log, `${message}\n`));
  const server = { port, pid: child.pid ?? 0, directory };
  if (server.pid > 0) started.add(server.pid);
  child.once('exit', () => started.delete(server.pid));
  noteServer(server);
  return server;
}

/** The folder in which a run notes every server that it starts, in whichever of its processes. */
const NOTES = 'HEADRACE_SERVERS';

function noteServer(server: Server): void {
  const notes = process.env[NOTES];
  if (notes !== undefined) writeFileSync(join(notes, `${server.pid}`), JSON.stringify(server));
}

/** From now on, every server that this process and its children start is noted in a folder. */
export function noteServers(folder: string): void {
  process.env[NOTES] = folder;
}

/** Ends the noted servers that still run: those of tests that were ended before they could. */
export async function stopNoted(folder: string): Promise<void> {
  const noted = readdirSync(folder).map((name): Server => JSON.parse(readFileSync(join(folder, name), 'utf8')));
  await Promise.all(noted.map((server) => stopServer(server)));
}

/** Ends a server and waits until it is gone; one that is gone already is left alone. */
export async function stopServer(server: Server, signal: 'SIGTERM' | 'SIGKILL' = 'SIGKILL'): Promise<void> {
  if (!isRunning(server)) return;
  process.kill(server.pid, signal);
  for (const end = Date.now() + 10_000; isRunning(server); await sleep(10)) {
    if (Date.now() > end) process.kill(server.pid, 'SIGKILL');
  }
}

/** Whether the process is still the server that was started, and not another under its number. */
export function isRunning({ pid, directory }: Server): boolean {
  if (started.has(pid)) return true;
  try {
    const [state] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1) ?? '';
    return state !== 'Z' && [directory, `${directory} (deleted)`].includes(cwdOf(pid));
  } catch {
    return false;
  }
}

/** A server changes into its folder when it starts. */
function cwdOf(pid: number): string {
  return readlinkSync(`/proc/${pid}/cwd`);
}

/** Whether anyone takes connections on a port of this machine. */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

function tail(path: string): string {
  return readFileSync(path, 'utf8').slice(-500);
}
