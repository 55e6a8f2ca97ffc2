import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const config = fileURLToPath(new URL('./headrace.config.ts', import.meta.url));

/** Lines of a log that name a fault of the product itself: each is counted and printed. */
const UNHANDLED =
  /SERVER_FAULT|Unhandled|uncaught|(Type|Range|Reference|Syntax)Error|heap out of memory|SIGSEGV|SIGBUS/i;

/** Lines of the log that are kept. */
const MOST_LINES = 20;

/** `headrace serve --workers 2`, with the faults of a control. */
export class ServedGroup {
  readonly unhandled: string[] = [];
  /** The last lines of its log. */
  readonly lastLines: string[] = [];
  url = '';
  #child: ChildProcess | null = null;
  readonly #env: Readonly<Record<string, string>>;
  readonly #port: number;

  constructor(env: Readonly<Record<string, string>>, port: number) {
    this.#env = env;
    this.#port = port;
  }

  /** Starts it; false where it ended before it listened. */
  async start(): Promise<boolean> {
    const args = [
      '--conditions=headrace-source',
      main,
      'serve',
      '--workers',
      '2',
      '--port',
      String(this.#port),
      '--json',
    ];
    const child = spawn(process.execPath, [...args, '--config', config], {
      env: { ...process.env, ...this.#env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.#child = child;
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (UNHANDLED.test(line)) this.unhandled.push(line);
      this.lastLines.push(line);
      if (this.lastLines.length > MOST_LINES) this.lastLines.shift();
    });
    const ended = once(child, 'exit').then(() => null);
    const line = await Promise.race([once(createInterface({ input: child.stdout }), 'line'), ended]);
    if (line === null) return false;
    this.url = JSON.parse(String(line[0])).url;
    return true;
  }

  get isRunning(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Kills (SIGKILL) one of its processes by chance; its group starts another. */
  killOne(random: () => number): void {
    const children = childrenOf(this.#child?.pid ?? 0);
    const chosen = children[Math.floor(random() * children.length)];
    if (chosen !== undefined) process.kill(chosen, 'SIGKILL');
  }

  /** Resident memory of all its processes, MiB. */
  get rssMiB(): number {
    const first = this.#child?.pid ?? 0;
    return [first, ...childrenOf(first)].reduce((sum, pid) => sum + rssOf(pid), 0);
  }

  /** Ends all of it by a signal to the first process, or to every process at once. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
    const child = this.#child;
    if (child?.pid === undefined || !this.isRunning) return child?.exitCode ?? null;
    const ended = once(child, 'exit');
    if (signal === 'SIGKILL') process.kill(-child.pid, signal);
    else child.kill(signal);
    await ended;
    return child.exitCode;
  }
}

/** 0 where it has ended. */
function rssOf(pid: number): number {
  try {
    return Number(/^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

function childrenOf(parent: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1]) === parent;
      } catch {
        return false;
      }
    });
}
