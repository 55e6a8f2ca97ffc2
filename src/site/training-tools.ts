import { join } from 'node:path';
import type { Environment } from '../environment/config.ts';
import type { OpenTrainingRun } from '../ports/training-backend.ts';
import { trainingRuns } from './back-ends/training-systems.ts';
import { trainerProgram } from './open-playbooks.ts';

/** How trainings of an environment run. */
export interface TrainingTools {
  /** The program that the embedded trainers run in. */
  readonly trainer: readonly [string, ...string[]];
  /** Where training runs keep their files. */
  readonly runs: string;
  /** Starts the processes of a training run. */
  readonly openRun: OpenTrainingRun;
  /** Where training programs log by a client of MLflow: MLFLOW_TRACKING_URI of this process, or the registry's own port here; null: nowhere. */
  readonly tracking: string | null;
}

export function trainingTools(environment: Environment): TrainingTools {
  const { directory, registry } = environment;
  const { port } = registry;
  return {
    trainer: trainerProgram(),
    runs: join(directory, 'runs'),
    openRun: trainingRuns(environment),
    tracking: process.env['MLFLOW_TRACKING_URI'] ?? (port === undefined ? null : `http://127.0.0.1:${port}`),
  };
}
