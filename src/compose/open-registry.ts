import { join } from 'node:path';
import { FileMonitorStore } from '../backends/embedded/monitor/file-monitor-store.ts';
import { SqliteDatabase } from '../backends/embedded/registry/sqlite-database.ts';
import { sqliteKinds } from '../backends/embedded/sqlite-kind.ts';
import { PostgresDatabase, type PostgresOptions } from '../backends/postgres/postgres-database.ts';
import type { Environment } from '../environment/config.ts';
import { alertSchema } from '../findings/alerts/alert-schema.ts';
import { SqlAlertStore } from '../findings/alerts/sql-alert-store.ts';
import { STATE_FILE } from '../findings/monitor-state.ts';
import { monitorSchema, SqlMonitorStore } from '../findings/sql-monitor-store.ts';
import { playbookSchema, SqlPlaybookStore } from '../playbook/sql-playbook-store.ts';
import type { AlertStore } from '../ports/alert-store.ts';
import type { ModelRegistry } from '../ports/model-registry.ts';
import type { MonitorStore } from '../ports/monitor-store.ts';
import type { PlaybookStore } from '../ports/playbook-store.ts';
import type { RolloutStore } from '../ports/rollout-store.ts';
import type { SqlDatabase, SqlSchema } from '../ports/sql-database.ts';
import { registrySchema } from '../registry/sql/schema.ts';
import { sqlRegistry } from '../registry/sql/sql-registry.ts';
import { rolloutSchema, SqlRolloutStore } from '../serving/rollout/sql-rollout-store.ts';
import { pemOf, secretOf } from './secrets.ts';

type Where = Pick<Environment, 'directory' | 'registry'>;

/** Opens the registry of an environment. Errors: REGISTRY_*, CONFIG_SECRET. */
export async function openRegistry({ directory, registry }: Where): Promise<ModelRegistry> {
  if (registry.kind === 'embedded') return openSqliteRegistry(registryFile(directory));
  return openPostgresRegistry(postgresOptions(registry));
}

/** Tables of an environment: their file in its directory, and their format's table in a shared database. */
interface Tables {
  readonly file: keyof typeof sqliteKinds;
  readonly formatTable: string;
  readonly schema: SqlSchema;
}

/**
 * Opens tables next to the registry of an environment: in its database, so that all hosts that share one have them, else in a
 * file. Errors: those of the database.
 */
async function openTables({ directory, registry }: Where, { file, formatTable, schema }: Tables): Promise<SqlDatabase> {
  if (registry.kind === 'embedded')
    return new SqliteDatabase(join(directory, `${file}.sqlite`), schema, { kind: sqliteKinds[file] });
  return PostgresDatabase.open({ ...postgresOptions(registry), formatTable, connections: 2 }, schema);
}

/** Opens the rollouts of an environment: all servers that share them answer the same cohorts. Errors: ROLLOUT_*, REGISTRY_*. */
export async function openRollouts(where: Where): Promise<RolloutStore> {
  return new SqlRolloutStore(
    await openTables(where, { file: 'rollouts', formatTable: 'rollout_format', schema: rolloutSchema }),
  );
}

/** Opens the journals of an environment's playbooks. Errors: PLAYBOOK_*, REGISTRY_*. */
export async function openPlaybooks(where: Where): Promise<PlaybookStore> {
  return new SqlPlaybookStore(
    await openTables(where, { file: 'playbooks', formatTable: 'playbook_format', schema: playbookSchema }),
  );
}

/** Opens the incidents of an environment, their deliveries and silences. Errors: ALERT_*, REGISTRY_*. */
export async function openAlertStore(where: Where): Promise<AlertStore> {
  return new SqlAlertStore(
    await openTables(where, { file: 'alerts', formatTable: 'alert_format', schema: alertSchema }),
  );
}

/** Opens the lease and the newest judgement of an environment's monitor. Errors: REGISTRY_*. */
export async function openMonitorStore({ directory, registry }: Where): Promise<MonitorStore> {
  if (registry.kind === 'embedded') return new FileMonitorStore(directory, STATE_FILE);
  const own = { ...postgresOptions(registry), formatTable: 'monitor_format', connections: 2 };
  return new SqlMonitorStore(await PostgresDatabase.open(own, monitorSchema));
}

function postgresOptions(registry: Extract<Where['registry'], { readonly kind: 'postgres' }>): PostgresOptions {
  return {
    url: registry.url,
    password: registry.password === undefined ? null : secretOf(registry.password, 'registry.password'),
    schema: registry.schema,
    ca: registry.ca === undefined ? null : (pemOf({ ca: registry.ca }).ca ?? null),
  };
}

/** Opens the registry in a schema of a PostgreSQL database. Errors: REGISTRY_CLIENT, REGISTRY_AWAY, REGISTRY_FORMAT. */
export async function openPostgresRegistry(options: PostgresOptions): Promise<ModelRegistry> {
  return sqlRegistry(await PostgresDatabase.open(options, registrySchema));
}

/** Opens the registry in a SQLite file. Errors: REGISTRY_FILE, REGISTRY_FORMAT, REGISTRY_BUSY. */
export function openSqliteRegistry(path: string, options: { readonly busyTimeoutMs?: number } = {}): ModelRegistry {
  return sqlRegistry(new SqliteDatabase(path, registrySchema, options));
}

/** Where training programs log by a client of MLflow: MLFLOW_TRACKING_URI of this process, or the registry's own port here; null: nowhere. */
export function trackingUri({ registry }: Pick<Environment, 'registry'>): string | null {
  const { port } = registry;
  return process.env['MLFLOW_TRACKING_URI'] ?? (port === undefined ? null : `http://127.0.0.1:${port}`);
}

/** Where an environment keeps its registry. */
export function registryFile(directory: string): string {
  return join(directory, 'registry.sqlite');
}
