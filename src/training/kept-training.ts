import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { fail } from '../base/errors/fail.ts';
import { stampOf } from './run-folder.ts';
import { replaceJson } from './runner/run-files.ts';

/** Format of train.json. */
const KEPT_FORMAT = 1;

const keptSchema = z.object({
  format: z.literal(KEPT_FORMAT),
  model: z.string(),
  /** Hash of the declaration. */
  declaration: z.string(),
  trainingSet: z.object({
    path: z.string(),
    rows: z.int(),
    unlabelled: z.int(),
    from: z.int().nullable(),
    to: z.int(),
    mode: z.string(),
    uniform: z.array(z.string()),
  }),
});

/** A training whose set is written and whose version is not registered yet: what another process needs to resume it. */
export interface KeptTraining extends Omit<z.output<typeof keptSchema>, 'format'> {
  /** Folder of the run, which holds train.json. */
  readonly directory: string;
}

export function keepTraining({ directory, ...kept }: KeptTraining): void {
  replaceJson(join(directory, 'train.json'), { format: KEPT_FORMAT, ...kept });
}

/** Its version is registered: nobody resumes it. */
export function forgetTraining(directory: string): void {
  rmSync(join(directory, 'train.json'), { force: true });
}

/** The newest training of a model that has not ended. Error: TRAINING_RESUME. */
export function keptTraining(runs: string, model: string, declaration: string): KeptTraining {
  const refuse = (reason: string) => fail('TRAINING_RESUME', { model, reason });
  const kept = directoriesOf(runs)
    .map((directory) => readKept(directory))
    .filter((one) => one?.model === model)
    .at(-1);
  if (kept == null) throw refuse('there is none');
  if (kept.declaration !== declaration) throw refuse('the project was declared otherwise when it began');
  if (!existsSync(kept.trainingSet.path)) throw refuse(`its training set ${kept.trainingSet.path} is absent`);
  return kept;
}

/** Folders of runs, the oldest first: the journal of a run is as old as its attempts. */
function directoriesOf(runs: string): readonly string[] {
  if (!existsSync(runs)) return [];
  return readdirSync(runs)
    .map((name) => resolve(runs, name))
    .filter((directory) => existsSync(join(directory, 'train.json')))
    .sort((a, b) => stampOf(a) - stampOf(b));
}

function readKept(directory: string): KeptTraining | null {
  try {
    const { format: _, ...kept } = keptSchema.parse(JSON.parse(readFileSync(join(directory, 'train.json'), 'utf8')));
    return { ...kept, directory };
  } catch {
    return null;
  }
}
