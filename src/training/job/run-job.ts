import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { parseResult } from './parse-result.ts';
import type { TrainingJob, TrainingResult } from './training-job.ts';

export interface RunJobOptions {
  /** The program and its arguments; it runs in `directory`. */
  readonly command: readonly [string, ...string[]];
  readonly directory: string;
  readonly job: TrainingJob;
  readonly timeoutMs: number;
  /** Takes every line that the program prints. */
  readonly onLine?: (line: string) => void;
  /** Ends the program, with everything that it started. */
  readonly signal?: AbortSignal;
}

/** Last lines of output that an error shows. */
const TAIL_LINES = 5;

/** Characters after which a line without an end is taken for one. */
const LONGEST_LINE = 10_000;

/** The longest time that a timer of Node takes, ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Runs one training program in a separate process, to its end: `job.json` in, `result.json` out. The program gets
 * HEADRACE_JOB in its environment. Errors: TRAINING_JOB (it failed, was killed, or ran past its time), TRAINING_RESULT,
 * TRAINING_DIRECTORY.
 */
export async function runTrainingJob(options: RunJobOptions): Promise<TrainingResult> {
  const { command, directory, job } = options;
  const path = writeJob(directory, job);
  const { outcome, tail } = await runProgram(options, path);
  if (outcome !== null) throw fail('TRAINING_JOB', { command: command[0], outcome, tail, directory });
  let text: string;
  try {
    text = readFileSync(join(directory, 'result.json'), 'utf8');
  } catch (error) {
    throw fail('TRAINING_RESULT', { reason: 'result.json is not there' }, error);
  }
  return parseResult(text, job);
}

function writeJob(directory: string, job: TrainingJob): string {
  const path = join(directory, 'job.json');
  try {
    mkdirSync(directory, { recursive: true });
    // The result of an earlier run must not be taken for this one's.
    rmSync(join(directory, 'result.json'), { force: true });
    writeFileSync(path, JSON.stringify(job, null, 2));
  } catch (error) {
    throw fail('TRAINING_DIRECTORY', { directory, reason: reasonOf(error) }, error);
  }
  return path;
}

/** Waits for the program; `outcome` is null where it ended well. */
function runProgram(
  { command, directory, timeoutMs, onLine, signal }: RunJobOptions,
  jobPath: string,
): Promise<{ readonly outcome: string | null; readonly tail: readonly string[] }> {
  const [program, ...args] = command;
  return new Promise((resolve) => {
    const lines: string[] = [];
    let ended: string | null = null;
    const child = spawn(program, args, {
      cwd: directory,
      env: { ...process.env, HEADRACE_JOB: jobPath },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A separate process group, so that processes of a shell or a launcher end with it.
      detached: true,
    });
    const kill = (why: string) => {
      ended ??= why;
      killGroup(child);
    };
    const leave = () => killGroup(child);
    const abort = () => kill('an abort');
    const timer = setTimeout(() => kill(`a kill after ${timeoutMs} ms`), Math.min(timeoutMs, LONGEST_TIMER_MS));
    process.once('exit', leave);
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted === true) abort();
    for (const stream of [child.stdout, child.stderr]) {
      eachLine(stream, (line) => {
        lines.push(line);
        if (lines.length > TAIL_LINES) lines.shift();
        onLine?.(line);
      });
    }
    const end = (outcome: string | null) => {
      clearTimeout(timer);
      process.off('exit', leave);
      signal?.removeEventListener('abort', abort);
      resolve({ outcome: ended ?? outcome, tail: lines });
    };
    child.once('error', (error) => end(error.message));
    child.once('close', (code, by) => end(by === null ? (code === 0 ? null : `exit code ${code}`) : `signal ${by}`));
  });
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

function eachLine(stream: NodeJS.ReadableStream, take: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(line);
    if (rest.length < LONGEST_LINE) return;
    take(rest);
    rest = '';
  });
  stream.on('end', () => {
    if (rest !== '') take(rest);
  });
}
