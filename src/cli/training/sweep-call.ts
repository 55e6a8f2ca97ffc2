import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { basename, resolve } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import { localTraining, lockRun } from '../../site/back-ends/training-systems.ts';
import { readJob } from '../../training/job/parse-job.ts';
import type { SweepOptions } from '../../training/sweep/run-sweep.ts';
import { parseSweep } from '../../training/sweep/sweep-file.ts';
import type { Call } from '../command.ts';
import { withRegistry } from '../open/with-stores.ts';
import type { Option } from '../options/option.ts';
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

/** Runs a sweep with the record that the call names, in the registry of its environment; with null where it names none. */
export async function withSweepRecord<T>(
  call: Call<{ readonly experiment: Option<string | undefined> }>,
  { name, sweep }: SweepOptions,
  work: (recorder: NonNullable<SweepOptions['recorder']> | null) => Promise<T>,
): Promise<T> {
  const { experiment } = call.options;
  if (experiment === undefined) return work(null);
  const { SweepRecord } = await import('../../training/sweep/record-sweep.ts');
  return withRegistry(call, ({ registry }) => {
    const shared = { registry, experiment, name, sweep, user: userInfo().username, clock: Date.now };
    return work((sweepId) => SweepRecord.open({ ...shared, sweepId, dataset: datasetOf(sweep.command) }));
  });
}

/** The training set of trials that train a job of a file by an embedded trainer; null for any other program. */
function datasetOf(command: readonly string[]) {
  const at = command.findIndex((word, i) => word === 'train' && command[i + 1] === 'job');
  const path = at === -1 ? undefined : command[at + 2];
  if (path === undefined) return null;
  const { model, trainingSet } = readJob(path);
  const digest = createHash('sha256').update(readFileSync(trainingSet)).digest('hex');
  return { name: `${model} ${basename(trainingSet)}`, digest: digest.slice(0, 36), path: trainingSet };
}
