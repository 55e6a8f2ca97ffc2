import { join } from 'node:path';
import { acquireLock } from '../backends/embedded/lock.ts';
import type { ProcessLimits } from '../backends/local/process-limits.ts';
import { LocalTrainingBackend } from '../backends/local/training-backend.ts';
import { fail } from '../base/errors/fail.ts';
import type { Environment } from '../environment/config.ts';
import type { OpenTrainingRun, TrainingBackend } from '../ports/training-backend.ts';

/** Gangs as processes of this machine. `helper`: folder of the Python helper. */
export function localTraining(folder: string, helper: string, limits: ProcessLimits = {}): TrainingBackend {
  return new LocalTrainingBackend({ folder: join(folder, 'gangs'), environment: helperPath(helper), limits });
}

/**
 * Runs of an environment's training: processes of this machine within the limits of its configuration. They have the variables of
 * this process: the programs are the project's own.
 */
export function trainingRuns({ training }: Pick<Environment, 'training'>, helper: string): OpenTrainingRun {
  return (folder, { environment = {}, onLine } = {}) => {
    const lock = lockRun(folder);
    const backend = new LocalTrainingBackend({
      folder: join(folder, 'gangs'),
      environment: { ...ownVariables(), ...helperPath(helper), ...environment },
      limits: training,
      ...(onLine === undefined ? {} : { onLine }),
    });
    return {
      backend,
      async close() {
        await backend.close();
        lock.release();
      },
    };
  };
}

function ownVariables(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

function helperPath(helper: string): Readonly<Record<string, string>> {
  const path = [helper, process.env['PYTHONPATH']].filter((part) => part !== undefined && part !== '').join(':');
  return { PYTHONPATH: path };
}

/** Keeps a second controller away from a run. Error: RUN_LOCKED. */
export function lockRun(folder: string): { release(): void } {
  const lock = acquireLock(join(folder, 'lock'));
  if (lock === null) throw fail('RUN_LOCKED', { folder });
  return lock;
}
