import { mkdirSync, readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { fail } from '../base/errors/fail.ts';
import { localTraining, lockRun } from '../site/back-ends/training-systems.ts';
import type { SweepOptions } from '../training/sweep/run-sweep.ts';
import { parseSweep } from '../training/sweep/sweep-file.ts';
import type { Call } from './command.ts';
import type { Option } from './option.ts';
import { programWords } from './run-options.ts';

/** Reads the sweep of a call and runs the work on it, alone in its folder. Errors: SWEEP_FILE, RUN_LOCKED, those of the work. */
export async function sweepCall(
  { words, options, terminal }: Call<{ readonly directory: Option<string> }>,
  work: (options: SweepOptions & { readonly signal: AbortSignal }) => Promise<void>,
): Promise<void> {
  const sweep = parseSweep(readJson(String(words[0])));
  const folder = resolve(options.directory);
  mkdirSync(folder, { recursive: true });
  const lock = lockRun(folder);
  const stopped = new AbortController();
  terminal.stopped.then(() => stopped.abort());
  try {
    await work({
      name: basename(folder),
      folder,
      sweep: { ...sweep, command: programWords(sweep.command) },
      open: (trial) => localTraining(trial),
      signal: stopped.signal,
      onResult: ({ trial, to, loss, failure }) =>
        terminal.err(`trial ${trial} at ${to}: ${failure === null ? `loss ${loss}` : `ended, ${failure}`}`),
    });
  } finally {
    lock.release();
  }
}

function readJson(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw fail('SWEEP_FILE', { member: path, reason: 'it cannot be read' }, error);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw fail('SWEEP_FILE', { member: path, reason: 'it is not JSON' }, error);
  }
}
