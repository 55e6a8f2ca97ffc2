import { type ChildProcess, execFileSync, type SerializationType, spawn } from 'node:child_process';
import { accessSync, constants, openSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { setPriority } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { canGuard, guardedWords } from './guard.ts';
import { withoutTelemetry } from './telemetry.ts';

/** The flag of a descriptor that is closed when another program starts (open(2)), as Linux writes it: octal. */
const CLOEXEC = 0o2000000;

/** A process with more descriptors than this keeps the others: each that is shut costs one system call for each start. */
const MOST = 4_096;

/**
 * The descriptors of a child, so that it inherits no other. A library in C may open a file without the flag that closes it, and a child
 * would then hold the store open for writing. In the child each such number is the null device instead.
 */
export function shielded<T>(stdio: readonly T[]): (T | number)[] {
  const highest = Math.max(-1, ...inheritable());
  const missing = Math.max(0, Math.min(highest, MOST) + 1 - stdio.length);
  if (missing === 0) return [...stdio];
  // The word `ignore` leaves a descriptor above 2 as it is.
  nullDevice ??= openSync('/dev/null', 'r');
  return [...stdio, ...Array<number>(missing).fill(nullDevice)];
}

let nullDevice: number | null = null;

/** Descriptors of this process that a child would inherit; empty where the system does not say. */
function inheritable(): readonly number[] {
  if (process.platform !== 'linux') return [];
  return namesOf('/proc/self/fdinfo').flatMap((name) => {
    const flags = /^flags:\s*([0-7]+)/m.exec(textOf(`/proc/self/fdinfo/${name}`))?.[1];
    return flags === undefined || (Number.parseInt(flags, 8) & CLOEXEC) !== 0 ? [] : [Number(name)];
  });
}

function namesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** The text of a descriptor; empty where it is closed by now. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

/** Niceness of a child of low priority: it waits where both want a processor. */
const LOW = 10;

/** How a child is started. It ends with this process, however this one ends. */
export interface StartOptions {
  /** All variables that it gets; those of this process where they are left out. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Its descriptors from 0 on; at most six. */
  readonly stdio: readonly ('ignore' | 'inherit' | 'pipe' | number)[];
  /** It has a channel of messages, in this form. */
  readonly messages?: SerializationType;
  /** It has a process group of its own, which ends as a whole: for programs that start others. */
  readonly group?: boolean;
  readonly priority?: 'low';
  /** More of the shell, before the program: limits, a priority. */
  readonly before?: string;
  /** It is killed after this time, ms. */
  readonly limitMs?: number;
}

/** Starts any program; it inherits no other descriptor of this process. One that cannot start emits the error of the system. */
export function startProgram(command: readonly string[], options: StartOptions): ChildProcess {
  const { env = process.env, cwd, stdio, messages, group = false, before = '', priority, limitMs } = options;
  const [program = ''] = command;
  const channel = messages === undefined ? [] : ['ipc' as const];
  const fd = stdio.length + channel.length;
  // A name that the shell would not find is left to the system, which says why. Limits that the shell sets are never left out.
  const isGuarded = before !== '' || (canGuard() && findProgram(program, env['PATH'] ?? '', cwd) !== null);
  // The shell would add its folder to an environment that has none.
  const shell = `${env['PWD'] === undefined ? 'unset PWD; ' : ''}${before}`;
  const [first, ...rest] = isGuarded
    ? guardedWords(command, fd, group ? 'group' : 'child', shell)
    : [program, ...command.slice(1)];
  const child = spawn(first, rest, {
    env: withoutTelemetry(env),
    ...(cwd === undefined ? {} : { cwd }),
    // The system reports a program that cannot start over a descriptor, which a shield may cover.
    stdio: isGuarded ? shielded([...stdio, ...channel, 'pipe' as const]) : [...stdio, ...channel],
    detached: group,
    ...(messages === undefined ? {} : { serialization: messages }),
    ...(limitMs === undefined ? {} : { timeout: limitMs, killSignal: 'SIGKILL' as const }),
  });
  // Before it has threads, which have the priority of the one that makes them.
  if (priority === 'low' && child.pid !== undefined) lower(child.pid);
  if (isGuarded) releaseAfter(child, child.stdio[fd] as Writable | null);
  return child;
}

/** Starts a program of Headrace, by the Node and the options of this process, with a channel of messages. */
export function startOwn(entry: URL, args: readonly string[], options: StartOptions): ChildProcess {
  return startProgram([process.execPath, ...ownOptions(), fileURLToPath(entry), ...args], {
    messages: 'json',
    ...options,
  });
}

/** Starts a program that outlives this process: one that others find again and end, as its record says. */
export function startSurvivor(command: readonly string[], { env = process.env, stdio }: StartOptions): ChildProcess {
  const [program = '', ...args] = command;
  // As above: one that cannot start is not shielded.
  const canStart = findProgram(program, env['PATH'] ?? '') !== null;
  return spawn(program, args, {
    env: withoutTelemetry(env),
    stdio: canStart ? shielded([...stdio]) : [...stdio],
    detached: true,
  });
}

/** Ends a child and, of one with its own process group, everything that it started. */
export function killGroup({ pid }: Pick<ChildProcess, 'pid'>, signal: NodeJS.Signals = 'SIGKILL'): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended.
  }
}

/** Runs a short program while this process waits; gives its output. Throws where it does not end with 0. */
export function outputNow([program = '', ...args]: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8' });
}

/** The options of this Node, without a program that was written in them. */
function ownOptions(): readonly string[] {
  const at = process.execArgv.findIndex((word) => /^(-e|-p|-pe|--eval|--print)$/.test(word));
  return at === -1 ? process.execArgv : process.execArgv.toSpliced(at, 2);
}

function lower(pid: number): void {
  try {
    setPriority(pid, LOW);
  } catch {
    // It has ended.
  }
}

/** A line ends the guard of a child that has ended; its pipe keeps this process from nothing. */
function releaseAfter(child: ChildProcess, pipe: (Writable & { unref?(): void }) | null): void {
  if (pipe === null) return;
  pipe.on('error', () => undefined);
  pipe.unref?.();
  child.once('exit', () => pipe.end('\n', () => pipe.destroy()));
}

/** The file that the system would start for a name, by the PATH of its environment; null: it finds none that can run. */
function findProgram(name: string, path = process.env['PATH'] ?? '', cwd = process.cwd()): string | null {
  if (name === '') return null;
  if (name.includes('/')) return canRun(resolve(cwd, name)) ? name : null;
  const found = path
    .split(delimiter)
    .map((folder) => join(folder === '' ? cwd : folder, name))
    .find(canRun);
  return found ?? null;
}

function canRun(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
