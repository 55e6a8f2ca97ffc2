import { join } from 'node:path';
import { acquireLock } from '../backends/embedded/lock.ts';
import { LocalTrainingBackend } from '../backends/local/training-backend.ts';
import { fail } from '../base/errors/fail.ts';
import type { TrainingBackend } from '../ports/training-backend.ts';

/** Gangs as processes of this machine. `helper`: folder of the Python helper. */
export function localTraining(folder: string, helper: string): TrainingBackend {
  const path = [helper, process.env['PYTHONPATH']].filter((part) => part !== undefined && part !== '').join(':');
  return new LocalTrainingBackend({ folder: join(folder, 'gangs'), environment: { PYTHONPATH: path } });
}

/** Keeps a second controller away from a run. Error: RUN_LOCKED. */
export function lockRun(folder: string): { release(): void } {
  const lock = acquireLock(join(folder, 'lock'));
  if (lock === null) throw fail('RUN_LOCKED', { folder });
  return lock;
}
