import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { copyArtifacts } from '../backends/embedded/artifacts/copy-artifacts.ts';
import { copySqlite } from '../backends/embedded/copy-sqlite.ts';
import { holdLog } from '../backends/embedded/log/copy-log.ts';
import { copyOfflineStore } from '../backends/embedded/offline/copy-offline-store.ts';
import { scratchPath } from '../backends/embedded/offline/directory.ts';
import { openEmptyHistory } from '../backends/embedded/offline/empty-history.ts';
import { clearScratch } from '../backends/embedded/offline/engine.ts';
import { openOfflineStore } from '../backends/embedded/offline/offline-store.ts';
import { openObjectFiles } from '../backends/s3/object-files.ts';
import { fail } from '../base/errors/fail.ts';
import type { Environment } from '../environment/config.ts';
import { ENVIRONMENT_FILE } from '../environment/environment-id.ts';
import { parseDeclaration } from '../features/change/declaration-document.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import { checkBatchSql } from '../featurestore/batch/read-batch.ts';
import { type BackupPart, backUp } from '../operating/backup.ts';
import type { BackupManifest } from '../operating/backup-manifest.ts';
import type { EventLog } from '../ports/event-log.ts';
import type { RemoteWrites } from '../ports/remote-writes.ts';
import { logOf, onlineOf } from './back-ends.ts';
import { databases } from './databases.ts';

/** The declaration that the data of a directory were written under. */
const DECLARATION = 'declaration.json';

/** Opens the event log of an environment. Errors: LOG_ELSEWHERE, LOG_LOCKED, those of the log. */
export async function openLog(environment: Environment, onFault: (error: unknown) => void): Promise<EventLog> {
  return logOf(environment, onFault).open();
}

/** Prefix of scratch files of this process next to an environment's history; they go with the process, or after it. */
export function historyScratch({ directory }: Pick<Environment, 'directory'>): string {
  return join(scratchPath(join(directory, 'offline')), `${process.pid}-past-`);
}

/** Removes scratch files of dead processes from an environment's history. */
export function clearHistoryScratch({ directory }: Pick<Environment, 'directory'>): void {
  const history = join(directory, 'offline');
  if (existsSync(history)) clearScratch(scratchPath(history));
}

/**
 * Puts damaged files of an environment's history back from a backup; no other process may write it. Errors: OFFLINE_ABSENT, OFFLINE_LOCKED,
 * OFFLINE_CORRUPT for the first file that the backup does not have as it was published.
 */
export async function repairHistory(
  { directory }: Environment,
  backup: string,
): Promise<{ readonly damaged: number; readonly repaired: number }> {
  const path = join(directory, 'offline');
  if (!existsSync(path)) throw fail('OFFLINE_ABSENT', { path });
  const history = await openOfflineStore({ path, access: 'write', clock: Date.now });
  try {
    const { length: damaged } = await history.check();
    const repaired = await history.repair(join(backup, 'offline'));
    const [left] = history.damaged();
    if (left !== undefined) throw fail('OFFLINE_CORRUPT', { file: left.file, reason: left.reason });
    return { damaged, repaired };
  } finally {
    await history.close();
  }
}

/** Opens the object stores that addresses of files name. Error: REMOTE_CLIENT. */
export const openRemoteFiles = (): Promise<RemoteWrites> => openObjectFiles(process.env);

/** Opens what reads files of rows without an environment; close it. */
export const openFileReader = openEmptyHistory;

/** Checks the SQL of a project's batch views over empty tables. Errors: BATCH_SQL, BATCH_READ, BATCH_COLUMN, BATCH_TYPE. */
export async function checkBatchViews({ views }: ProjectData): Promise<void> {
  const history = await openEmptyHistory();
  try {
    for (const view of views) if (view.kind === 'batchView') await checkBatchSql(view, history);
  } finally {
    history.close();
  }
}

/**
 * Copies the data of an environment, also while a process writes them. The log is held first and copied after
 * everything that is read from it, and the declaration, which names the columns of its rows, last. Errors: BACKUP_*.
 */
export async function backUpEnvironment(
  environment: Environment,
  folder: string,
  madeAt: number,
): Promise<BackupManifest> {
  const { directory } = environment;
  const at = (name: string) => join(directory, name);
  if (!existsSync(at(DECLARATION))) throw fail('BACKUP_NOTHING', { directory });
  const { project } = parseDeclaration(readFileSync(at(DECLARATION), 'utf8'));
  const log = await holdLog(at('log'));
  try {
    const { copied } = onlineOf(environment);
    const hasLog = logOf(environment).addresses.length === 0;
    const parts: readonly BackupPart[] = [
      ...(copied === null ? [] : [copied]),
      { name: 'offline', copyTo: (to) => copyOfflineStore(at('offline'), to) },
      ...databases.map((name) => ({ name, copyTo: (to: string) => copySqlite(at(name), to) })),
      { name: 'artifacts', copyTo: (to) => copyArtifacts(at('artifacts'), to) },
      ...(hasLog ? [{ name: 'log', copyTo: (to: string) => log.copyTo(to) }] : []),
      ...(existsSync(at(ENVIRONMENT_FILE))
        ? [{ name: ENVIRONMENT_FILE, copyTo: (to: string) => copyFileSync(at(ENVIRONMENT_FILE), to) }]
        : []),
      { name: DECLARATION, copyTo: (to) => copyFileSync(at(DECLARATION), to) },
    ];
    return await backUp({ project, parts, folder, madeAt });
  } finally {
    await log.release();
  }
}
