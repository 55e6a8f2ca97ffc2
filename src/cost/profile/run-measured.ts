import { spawn } from 'node:child_process';
import { fail } from '../../base/errors/fail.ts';

/** A program to run, with more variables in its environment. */
export interface MeasuredRun {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly limitMs: number;
  readonly stopped: Promise<void>;
}

/** The end of the output that an error shows. */
const KEPT = 4000;

/**
 * Runs a program in a process group of its own and keeps the end of its output. After the limit, or when the user stops, the whole
 * group is ended. Errors: COST_PROFILE_RUN where it cannot start or takes too long.
 */
export async function runMeasured(
  run: MeasuredRun,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const [program = '', ...args] = run.command;
  const child = spawn(program, args, {
    env: { ...process.env, ...run.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString('utf8')).slice(-KEPT);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const end = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // The group has ended.
    }
  };
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    end();
  }, run.limitMs);
  void run.stopped.then(end);
  process.once('exit', end);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', (error) =>
        reject(fail('COST_PROFILE_RUN', { reason: `${program}: ${error.message}` }, error)),
      );
      child.once('close', resolve);
    });
    if (late) throw fail('COST_PROFILE_RUN', { reason: `it did not end within ${Math.round(run.limitMs / 1000)} s` });
    return { code, output };
  } finally {
    clearTimeout(timer);
    process.off('exit', end);
    end();
  }
}
