import { fail } from '../../base/errors/fail.ts';
import { runToEnd } from '../../process/run-to-end.ts';

/** A program to run, with more variables in its environment. */
export interface MeasuredRun {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Name of the run, for errors. */
  readonly mode: string;
  readonly limitMs: number;
  readonly stopped: Promise<void>;
}

/** The end of the output that an error shows. */
const KEPT = 4000;

/**
 * Runs a program in a process group of its own and keeps the end of its output. After the limit, or when the user stops, the whole
 * group is ended. Errors: COST_PROFILE_RUN where it cannot start or takes too long; COST_PROFILE_STOPPED.
 */
export async function runMeasured({
  command,
  environment,
  mode,
  limitMs,
  stopped,
}: MeasuredRun): Promise<{ readonly code: number | null; readonly output: string }> {
  const stop = new AbortController();
  void stopped.then(() => stop.abort());
  const end = await runToEnd(command, {
    env: { ...process.env, ...environment },
    limitMs,
    signal: stop.signal,
    mostOutput: KEPT,
  });
  const { error, ended } = end;
  if (ended === 'stopped') throw fail('COST_PROFILE_STOPPED', { mode });
  if (error !== null) throw fail('COST_PROFILE_RUN', { reason: `${command[0]}: ${error.message}` }, error);
  if (ended === 'late')
    throw fail('COST_PROFILE_RUN', { reason: `it did not end within ${Math.round(limitMs / 1000)} s` });
  return { code: end.code, output: (end.stdout + end.stderr).slice(-KEPT) };
}
