import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { childEnv } from '../../child-env.ts';

/** Output of a process that has ended. */
export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
}

/** Path of a program of this folder. */
export function programPath(name: string): string {
  return fileURLToPath(new URL(`./${name}`, import.meta.url));
}

/** Starts a command; `onLine` sees its output as it comes. */
export function start(
  command: string,
  args: readonly string[],
  onLine?: (line: string, child: ChildProcess) => void,
): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: childEnv() });
  const ended = new Promise<Ended>((resolve, reject) => {
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      for (const line of text.split('\n')) if (line !== '') onLine?.(line, child);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ stdout, stderr, code }));
  });
  return { child, ended };
}

/** Runs a program of this folder with this Node to its end. */
export function runProgram(name: string, args: readonly string[]): Promise<Ended> {
  return start(process.execPath, [programPath(name), ...args]).ended;
}
