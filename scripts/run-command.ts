import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { compileCache } from './compile-cache.ts';
import { whenInterrupted } from './when-interrupted.ts';

/** The folder of the repository, without a slash at its end. */
export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');

/** How a command ended: its exit code, what it wrote to stdout, and stdout and stderr together. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly output: string;
}

export interface RunOptions {
  /** The folder it runs in; the root of the repository if left out. */
  readonly cwd?: string;
  /** Variables next to those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Stopped after this, with all that it started; five minutes if left out, without end if null. */
  readonly limitMs?: number | null;
}

/** How each running command is ended. */
const running = new Set<() => void>();

process.on('exit', () => {
  for (const kill of running) kill();
});

/**
 * Runs a command to its end, with the tools of the repository first on the path; never throws for its exit code. The command
 * leads a process group of its own: at its limit, or when this process ends, everything that it started ends too.
 */
export function runCommand(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const { cwd = root, env = {}, limitMs = 300_000 } = options;
  const path = `${root}/node_modules/.bin:${process.env.PATH ?? ''}`;
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      detached: true,
      env: { ...process.env, ...compileCache, PATH: path, NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const kill = () => killGroup(child.pid);
    const withdraw = whenInterrupted(kill);
    running.add(kill);
    let stdout = '';
    let output = '';
    const limit = () => {
      output += `\nstopped after ${limitMs} ms`;
      kill();
    };
    const timer = limitMs === null ? undefined : setTimeout(limit, limitMs);
    const end = (ended: Ended) => {
      clearTimeout(timer);
      withdraw();
      running.delete(kill);
      resolve(ended);
    };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.on('error', (error) => end({ code: 127, stdout, output: `${output}${error.message}` }));
    child.on('close', (code) => end({ code: code ?? 1, stdout, output }));
  });
}

/** Ends a process that leads its group, and everything that it started in it; one that is gone is left alone. */
export function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The group has ended.
  }
}
