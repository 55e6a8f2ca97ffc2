import { type ChildProcess, spawn } from 'node:child_process';
import { reasonOf } from '../../base/reason-of.ts';

/** Text of a program that is kept: its beginning where the output is read, its end for errors. */
const MOST_OUTPUT = 64 * 2 ** 20;
const LAST_BYTES = 4_000;

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly limitMs: number;
  /** Ends the program. */
  readonly signal: AbortSignal;
}

/** How a program ended. */
export interface Ended {
  readonly ok: boolean;
  readonly output: string;
  /** The last lines of its errors, or why it was not run. */
  readonly reason: string;
}

/** Runs a program to its end, with no more of the environment than it needs. Never throws. */
export async function runProgram({ command, args, env, cwd, limitMs, signal }: Program): Promise<Ended> {
  if (signal.aborted) return { ok: false, output: '', reason: 'the server closes' };
  let [output, errors] = ['', ''];
  let killed = '';
  const child = spawn(command, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const kill = (why: string) => {
    killed ||= why;
    killGroup(child);
  };
  const timer = setTimeout(() => kill(`it took longer than ${limitMs} ms`), limitMs);
  const abort = () => kill('the server closes');
  signal.addEventListener('abort', abort, { once: true });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (output.length > MOST_OUTPUT) kill('it printed too much');
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-LAST_BYTES);
  });
  const how = await new Promise<string | number>((resolve) => {
    child.once('error', (error) => resolve(reasonOf(error)));
    child.once('close', (code, by) => resolve(by ?? code ?? 1));
  });
  clearTimeout(timer);
  signal.removeEventListener('abort', abort);
  const reason = killed || lastLines(errors) || `it ended with ${how}`;
  return { ok: how === 0 && killed === '', output, reason };
}

/** Kills a program and what is in its process group. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

/** The last lines of a program's errors on one line; warnings of pip about itself say nothing. */
function lastLines(errors: string): string {
  const lines = errors.split('\n').map((line) => line.trim());
  return lines
    .filter((line) => line !== '' && !line.startsWith('[notice]') && !line.startsWith('WARNING: You are using pip'))
    .slice(-4)
    .join(' / ');
}
