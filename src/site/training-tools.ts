import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../environment/config.ts';
import type { TrainingTools } from '../training/training-runs.ts';
import { trainingRuns } from './back-ends/training-systems.ts';

/** How trainings of an environment run. Programs log to MLFLOW_TRACKING_URI of this process, or to the registry's own port here. */
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

/** The program that the embedded trainers run in. */
function trainerProgram(): readonly [string, ...string[]] {
  const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  return [process.execPath, fileURLToPath(new URL(`./train-worker${ending}`, import.meta.url))];
}
