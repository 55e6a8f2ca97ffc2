import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { copyArtifacts } from '../backends/embedded/artifacts/copy-artifacts.ts';
import { copySqlite } from '../backends/embedded/copy-sqlite.ts';
import { holdLog } from '../backends/embedded/log/copy-log.ts';
import { copyOfflineStore } from '../backends/embedded/offline/copy-offline-store.ts';
import { fail } from '../base/errors/fail.ts';
import type { Environment } from '../environment/config.ts';
import { ENVIRONMENT_FILE } from '../environment/environment-id.ts';
import { parseDeclaration } from '../features/change/declaration-document.ts';
import { type BackupPart, backUp } from '../operating/backup.ts';
import type { BackupManifest } from '../operating/backup-manifest.ts';
import { logOf, onlineOf } from './back-ends/environment-back-ends.ts';
import { databases } from './databases.ts';

/** The declaration that the data of a directory were written under. */
const DECLARATION = 'declaration.json';

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
