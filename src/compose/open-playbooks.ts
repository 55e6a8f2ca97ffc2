import { fileURLToPath } from 'node:url';
import type { Environment } from '../environment/config.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import type { OpenTrainingRun } from '../ports/training-backend.ts';
import { trainingRuns } from './training-backends.ts';

/** Whether a model of the project declares a playbook. */
export function hasPlaybook({ models }: ProjectData): boolean {
  return models.some(({ playbook }) => Object.keys(playbook).length > 0);
}

/** The program that the embedded trainers run in. */
export function trainerProgram(): readonly [string, ...string[]] {
  const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  return [process.execPath, fileURLToPath(new URL(`./train-worker${ending}`, import.meta.url))];
}

/** Opens runs of training programs, with the helper of this package. */
export function trainingRunsOf(environment: Environment): OpenTrainingRun {
  return trainingRuns(environment, fileURLToPath(new URL('../training/runner', import.meta.url)));
}
