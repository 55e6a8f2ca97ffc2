import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
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
}

/** Lines of output that an error shows. */
const TAIL_LINES = 20;

/**
 * Runs one training program in a process of its own, to its end: `job.json` in, `result.json` out. The program gets
 * HEADRACE_JOB beside the environment. Errors: TRAINING_JOB (it failed, was killed, or ran past its time), TRAINING_RESULT.
 */
export async function runTrainingJob(options: RunJobOptions): Promise<TrainingResult> {
  const { command, directory, job } = options;
  const path = join(directory, 'job.json');
  writeFileSync(path, JSON.stringify(job, null, 2));
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

/** Waits for the program; `outcome` is null where it ended well. */
function runProgram(
  { command, directory, timeoutMs, onLine }: RunJobOptions,
  jobPath: string,
): Promise<{ outcome: string | null; tail: string }> {
  const [program, ...args] = command;
  return new Promise((resolve) => {
    const lines: string[] = [];
    let timedOut = false;
    const child = spawn(program, args, {
      cwd: directory,
      env: { ...process.env, HEADRACE_JOB: jobPath },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    for (const stream of [child.stdout, child.stderr]) {
      eachLine(stream, (line) => {
        lines.push(line);
        if (lines.length > TAIL_LINES) lines.shift();
        onLine?.(line);
      });
    }
    const end = (outcome: string | null) => {
      clearTimeout(timer);
      resolve({ outcome, tail: lines.join('\n') });
    };
    child.once('error', (error) => end(error.message));
    child.once('close', (code, signal) => {
      if (timedOut) end(`a kill after ${timeoutMs} ms`);
      else if (signal !== null) end(`signal ${signal}`);
      else end(code === 0 ? null : `exit code ${code}`);
    });
  });
}

function eachLine(stream: NodeJS.ReadableStream, take: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(line);
  });
  stream.on('end', () => {
    if (rest !== '') take(rest);
  });
}
