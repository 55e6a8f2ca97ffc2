import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

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
  /** Variables beside those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Stopped after this; five minutes if left out. */
  readonly limitMs?: number;
}

/** Runs a command to its end, with the tools of the repository first on the path; never throws for its exit code. */
export function runCommand(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const { cwd = root, env = {}, limitMs = 300_000 } = options;
  const path = `${root}/node_modules/.bin:${process.env.PATH ?? ''}`;
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, PATH: path, NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let output = '';
    const timer = setTimeout(() => {
      output += `\nstopped after ${limitMs} ms`;
      child.kill('SIGKILL');
    }, limitMs);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.on('error', (error) => {
      clearTimeout(timer);
      resolve({ code: 127, stdout, output: `${output}${error.message}` });
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? 1, stdout, output });
    });
  });
}
