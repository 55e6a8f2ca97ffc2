import { resolve } from 'node:path';
import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import type { Environment } from '../../environment/config.ts';
import type { MigrationOptions } from '../../operating/migrate/migration-options.ts';
import { logOf, onlineOf } from '../../site/back-ends/environment-back-ends.ts';
import { holdEnvironment } from '../../site/migration-parts.ts';
import { closeProject } from '../close-project.ts';
import { openProject } from '../open-project.ts';
import { flushParts, type OpenProject } from '../opened-project.ts';

/** The error of an environment that another process has open. */
export type RunsElsewhere = 'MIGRATE_SOURCE_RUNS' | 'MIGRATE_TARGET_RUNS';

const LOCKED = ['LOG_LOCKED', 'OFFLINE_LOCKED', 'STORE_LOCKED'] as const;

/** Opens a project in one of the two environments. Errors: `code` where another process has it open, those of the stores. */
export async function openEnd(
  { project, clock, onFault }: MigrationOptions,
  environment: Environment,
  code: RunsElsewhere,
): Promise<OpenProject> {
  try {
    return await openProject({ project, environment, clock, onFault });
  } catch (error) {
    if (!LOCKED.some((locked) => isHeadraceError(error, locked))) throw error;
    throw fail(code, { directory: environment.directory }, error);
  }
}

/** Publishes everything that an environment has taken; no process may have it open. Errors: those of {@link openEnd}. */
export async function publishEnd(
  options: MigrationOptions,
  environment: Environment,
  code: RunsElsewhere,
): Promise<void> {
  const opened = await openEnd(options, environment, code);
  try {
    await flushParts(opened.parts);
  } finally {
    await closeProject(opened, {});
  }
}

/** Whether no process writes an environment. */
export function isIdle(environment: Environment): boolean {
  try {
    holdEnvironment(environment).release();
    return true;
  } catch (error) {
    if (!isHeadraceError(error, 'MIGRATE_SOURCE_RUNS')) throw error;
    return false;
  }
}

/** A service that two environments share although each needs its own; null: none. */
export function sharedPlace(from: Environment, to: Environment): string | null {
  if (resolve(from.directory) === resolve(to.directory)) return `the directory ${from.directory}`;
  if (from.namespace !== to.namespace) return null;
  const places = [from, to].map((of) => [...onlineOf(of).addresses, ...logOf(of).addresses]);
  const shared = places[0].find((place) => places[1].includes(place));
  return shared === undefined ? null : `the namespace ${from.namespace} at ${shared}`;
}
