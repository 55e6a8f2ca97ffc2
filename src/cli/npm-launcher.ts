import { readFileSync } from 'node:fs';
import { isAlive } from '../base/is-alive.ts';
import { outputNow } from '../process/start-child.ts';

/** Processes between this one and what started it: a shell, seldom two. */
const MOST_ANCESTORS = 4;

/** It is looked for this often, ms. */
const LOOK_EVERY_MS = 500;

/** How a process of a package runner is called: `npm exec headrace`, `node /usr/lib/npm/bin/npx-cli.js`. */
const RUNNER = /^(npm|npx|pnpm|pnpx|yarn)\b|\b(npm|npx)-cli\.js\b|\b(pnpm|yarn)(\.c?js)?\b/;

interface Process {
  readonly parent: number;
  readonly command: string;
  readonly hasEnded: boolean;
}

/**
 * When the npm or npx that runs this process has ended; never where none does. It hands a signal to the shell between them only, which dies of
 * it alone, and when it is killed it tells nobody.
 */
export function npmEnded(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const runner = process.env['npm_execpath'] === undefined ? null : runnerAbove(process.ppid);
  if (runner === null) return promise;
  const timer = setInterval(() => {
    if (isAlive(runner) && processOf(runner)?.hasEnded !== true) return;
    clearInterval(timer);
    resolve();
  }, LOOK_EVERY_MS);
  timer.unref();
  return promise;
}

function runnerAbove(start: number): number | null {
  let pid = start;
  for (let level = 0; level < MOST_ANCESTORS && pid > 1; level += 1) {
    const found = processOf(pid);
    if (found === null) return null;
    if (RUNNER.test(found.command)) return pid;
    pid = found.parent;
  }
  return null;
}

/** A process as the system knows it; null where it is not there, or the system does not tell. */
function processOf(pid: number): Process | null {
  try {
    return process.platform === 'linux' ? ofProc(pid) : ofPs(pid);
  } catch {
    return null;
  }
}

/** `pid (name) state parent …`; a name may have spaces and brackets. */
function ofProc(pid: number): Process {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  return { parent: Number(parent), command, hasEnded: state === 'Z' || state === 'X' };
}

function ofPs(pid: number): Process {
  const line = outputNow(['ps', '-o', 'ppid=,state=,args=', '-p', String(pid)]).trim();
  const [parent, state = '', ...words] = line.split(/\s+/);
  return { parent: Number(parent), command: words.join(' '), hasEnded: state.startsWith('Z') };
}
