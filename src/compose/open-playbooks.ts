import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SqlitePlaybookStore } from '../backends/embedded/playbook/sqlite-playbook-store.ts';
import type { Environment } from '../environment/config.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import type { PlaybookStore } from '../ports/playbook-store.ts';
import type { OpenTrainingRun } from '../ports/training-backend.ts';
import { trainingRuns } from './training-backends.ts';

/** Whether a model of the project declares a playbook. */
export function hasPlaybook({ models }: ProjectData): boolean {
  return models.some(({ playbook }) => Object.keys(playbook).length > 0);
}

/** Opens the journals of an environment's playbooks. Errors: PLAYBOOK_*. */
export function openPlaybooks({ directory }: Pick<Environment, 'directory'>): PlaybookStore {
  return new SqlitePlaybookStore(join(directory, 'playbooks.sqlite'));
}

/** The program that the embedded trainers run in. */
export function trainerProgram(): readonly [string, ...string[]] {
  const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  return [process.execPath, fileURLToPath(new URL(`../cli/train-worker${ending}`, import.meta.url))];
}

/** Opens runs of training programs, with the helper of this package. */
export function trainingRunsOf(environment: Environment): OpenTrainingRun {
  return trainingRuns(environment, fileURLToPath(new URL('../training/runner', import.meta.url)));
}
