import { killGroup, type StartOptions, startProgram } from './start-child.ts';

/** The most text of each output that is kept, characters, where a call does not say. */
const MOST_OUTPUT = 16 * 2 ** 20;

export interface RunOptions extends Pick<StartOptions, 'env' | 'cwd'> {
  /** Ends the program. */
  readonly signal?: AbortSignal;
  readonly limitMs?: number;
  /** The text of stdout and of stderr that is kept, from the end, characters. */
  readonly mostOutput?: number;
  /** Takes the place of a kept stdout: the descriptor that it goes to. */
  readonly stdout?: number;
}

/** How a program ended. */
export interface RunEnd {
  /** null: a signal ended it, or it could not start. */
  readonly code: number | null;
  readonly by: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Whether stdout is its end alone. */
  readonly isCut: boolean;
  /** Why it could not start; null: it did. */
  readonly error: Error | null;
  /** Why this process ended it; null: it did not. */
  readonly ended: 'late' | 'stopped' | null;
}

/** Runs a program to its end, in a process group of its own; ends all of it when its time is over, or it is asked to. Never throws. */
export async function runToEnd(command: readonly string[], options: RunOptions = {}): Promise<RunEnd> {
  const { signal, limitMs, mostOutput = MOST_OUTPUT, stdout = 'pipe', ...start } = options;
  const kept = { stdout: '', stderr: '' };
  let isCut = false;
  let ended: RunEnd['ended'] = null;
  if (signal?.aborted === true) return { ...kept, isCut, code: null, by: null, error: null, ended: 'stopped' };
  const child = startProgram(command, { ...start, stdio: ['ignore', stdout, 'pipe'], group: true });
  const end = (why: 'late' | 'stopped') => {
    ended ??= why;
    killGroup(child);
  };
  const timer = limitMs === undefined ? undefined : setTimeout(() => end('late'), limitMs);
  const stop = () => end('stopped');
  signal?.addEventListener('abort', stop, { once: true });
  const kill = () => killGroup(child);
  process.once('exit', kill);
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      isCut ||= name === 'stdout' && kept.stdout.length + text.length > mostOutput;
      kept[name] = (kept[name] + text).slice(-mostOutput);
    });
  try {
    const how = await new Promise<Pick<RunEnd, 'code' | 'by' | 'error'>>((resolve) => {
      child.once('error', (error) => resolve({ code: null, by: null, error }));
      child.once('close', (code, by) => resolve({ code, by, error: null }));
    });
    return { ...how, ...kept, isCut, ended };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
    process.off('exit', kill);
  }
}

/** Runs a program to its end; gives its output. Throws, with the end of its errors, where it does not end with 0. */
export async function outputOf(command: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, by, stdout, stderr, error } = await runToEnd(command, options);
  if (error !== null) throw error;
  if (code === 0) return stdout;
  throw new Error(`${command[0]} ended with ${by ?? code}: ${stderr.trim() || stdout.trim()}`);
}
