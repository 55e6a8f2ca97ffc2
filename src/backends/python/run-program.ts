import { reasonOf } from '../../base/reason-of.ts';
import { runToEnd } from '../../process/run-to-end.ts';

/** Text of a program that is kept, characters. */
const MOST_OUTPUT = 64 * 2 ** 20;

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
  const { code, by, stdout, stderr, isCut, error, ended } = await runToEnd([command, ...args], {
    env,
    cwd,
    limitMs,
    signal,
    mostOutput: MOST_OUTPUT,
  });
  const how = error === null ? (by ?? code ?? 1) : reasonOf(error);
  const cut = isCut ? 'it printed too much' : '';
  const killed = ended === null ? cut : ended === 'late' ? `it took longer than ${limitMs} ms` : 'the server closes';
  const reason = killed || lastLines(stderr) || `it ended with ${how}`;
  return { ok: how === 0 && killed === '', output: stdout, reason };
}

/** The last lines of a program's errors on one line; warnings of pip about itself say nothing. */
function lastLines(errors: string): string {
  const lines = errors.split('\n').map((line) => line.trim());
  return lines
    .filter((line) => line !== '' && !line.startsWith('[notice]') && !line.startsWith('WARNING: You are using pip'))
    .slice(-4)
    .join(' / ');
}
