import { SqliteDatabase, type SqliteDatabaseOptions } from '../src/backends/embedded/registry/sqlite-database.ts';
import { sqliteKinds } from '../src/backends/embedded/sqlite-kind.ts';
import { PostgresDatabase, type PostgresOptions } from '../src/backends/postgres/postgres-database.ts';
import { alertSchema } from '../src/findings/alerts/alert-schema.ts';
import { SqlAlertStore } from '../src/findings/alerts/sql-alert-store.ts';
import { playbookSchema, SqlPlaybookStore } from '../src/playbook/sql-playbook-store.ts';
import { rolloutSchema, SqlRolloutStore } from '../src/serving/rollout/sql-rollout-store.ts';

type Options = Pick<SqliteDatabaseOptions, 'busyTimeoutMs'>;

/** Stores of an environment over a file of SQLite; without a path they end with the process. */
export function rolloutStore(path = ':memory:', options: Options = {}): SqlRolloutStore {
  return new SqlRolloutStore(new SqliteDatabase(path, rolloutSchema, { ...options, kind: sqliteKinds.rollouts }));
}

export function playbookStore(path = ':memory:', options: Options = {}): SqlPlaybookStore {
  return new SqlPlaybookStore(new SqliteDatabase(path, playbookSchema, { ...options, kind: sqliteKinds.playbooks }));
}

export function alertStore(path = ':memory:', options: Options = {}): SqlAlertStore {
  return new SqlAlertStore(new SqliteDatabase(path, alertSchema, { ...options, kind: sqliteKinds.alerts }));
}

/** Stores of an environment in a schema of PostgreSQL. */
export async function postgresRollouts(options: PostgresOptions): Promise<SqlRolloutStore> {
  return new SqlRolloutStore(await PostgresDatabase.open({ ...options, formatTable: 'rollout_format' }, rolloutSchema));
}

export async function postgresPlaybooks(options: PostgresOptions): Promise<SqlPlaybookStore> {
  return new SqlPlaybookStore(
    await PostgresDatabase.open({ ...options, formatTable: 'playbook_format' }, playbookSchema),
  );
}

export async function postgresAlerts(options: PostgresOptions): Promise<SqlAlertStore> {
  return new SqlAlertStore(await PostgresDatabase.open({ ...options, formatTable: 'alert_format' }, alertSchema));
}
