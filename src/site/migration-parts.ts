import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { copyArtifacts } from '../backends/embedded/artifacts/copy-artifacts.ts';
import { copySqlite } from '../backends/embedded/copy-sqlite.ts';
import { acquireLock, type Lock } from '../backends/embedded/lock.ts';
import { fail } from '../base/errors/fail.ts';
import type { Environment } from '../environment/config.ts';
import { ENVIRONMENT_FILE, TOPICS_FILE } from '../environment/environment-id.ts';
import { JOURNAL_FILE } from '../operating/migrate/migration-files.ts';
import { clearServices } from './clear-services.ts';
import { databaseFiles, databases } from './databases.ts';
import { holdStores } from './hold-stores.ts';

const LOCK_FILE = 'migration.lock';

/** Files that a migration makes in a directory, or that opening it makes. Trained models and the audit log stay. */
const MADE = [
  'log',
  'online',
  'offline',
  ...databaseFiles,
  'artifacts',
  'keys.json',
  'flink.json',
  'spark-tiles',
  'unsent-profiles',
  'disk.json',
  'clock.json',
  'clock-accepted.json',
  'declaration.json',
  TOPICS_FILE,
];

/** Takes the lock of the migration into an environment. Error: MIGRATE_LOCKED. */
export function lockMigration({ directory }: Environment): Lock {
  mkdirSync(directory, { recursive: true });
  const lock = acquireLock(join(directory, LOCK_FILE));
  if (lock === null) throw fail('MIGRATE_LOCKED', { directory });
  return lock;
}

/** Keeps every other process from writing an environment, as one that writes it would. Error: MIGRATE_SOURCE_RUNS. */
export function holdEnvironment({ directory }: Environment): Lock {
  const lock = holdStores(directory, ['log', 'offline']);
  if (lock === null) throw fail('MIGRATE_SOURCE_RUNS', { directory });
  return lock;
}

/** Copies registry, rollouts, playbooks, models and API keys of an environment over those of another that no process has open. */
export async function copyModels(from: Environment, to: Environment): Promise<void> {
  for (const name of databases) copyDatabase(name, from, to);
  await copyArtifacts(join(from.directory, 'artifacts'), join(to.directory, 'artifacts'));
  const keys = join(from.directory, 'keys.json');
  if (existsSync(keys)) copyFileSync(keys, join(to.directory, 'keys.json'));
}

function copyDatabase(name: string, from: Environment, to: Environment): void {
  const [path, copied] = [join(to.directory, name), join(to.directory, `${name}.copy`)];
  rmSync(copied, { force: true });
  copySqlite(join(from.directory, name), copied);
  if (!existsSync(copied)) return;
  for (const ending of ['-wal', '-shm']) rmSync(path + ending, { force: true });
  renameSync(copied, path);
}

/** Removes the data of a migration from an environment: from its directory and, if it got there, its services; the journal last. */
export async function clearMigrated(environment: Environment, opened: boolean): Promise<void> {
  if (opened) await clearServices(environment, (end) => `${environment.namespace}${end}`, [environment.directory]);
  // Services know their data by this identity, also data that came before the journal named it.
  const made = opened ? [...MADE, ENVIRONMENT_FILE] : MADE;
  for (const name of [...made, JOURNAL_FILE])
    rmSync(join(environment.directory, name), { recursive: true, force: true });
}
