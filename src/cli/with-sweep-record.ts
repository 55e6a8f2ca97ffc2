import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { basename } from 'node:path';
import { readJob } from '../training/job/parse-job.ts';
import type { SweepOptions } from '../training/sweep/run-sweep.ts';
import type { Call } from './command.ts';
import type { Option } from './option.ts';
import { withRegistry } from './with-registry.ts';

/** Runs a sweep with the record that the call names, in the registry of its environment; with null where it names none. */
export async function withSweepRecord<T>(
  call: Call<{ readonly experiment: Option<string | undefined> }>,
  { name, sweep }: SweepOptions,
  work: (recorder: NonNullable<SweepOptions['recorder']> | null) => Promise<T>,
): Promise<T> {
  const { experiment } = call.options;
  if (experiment === undefined) return work(null);
  const { SweepRecord } = await import('../training/sweep/record-sweep.ts');
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
