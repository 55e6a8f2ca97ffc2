import { join } from 'node:path';
import { SqliteDatabase } from '../backends/embedded/registry/sqlite-database.ts';
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
import { registrySchema } from '../registry/sql/schema.ts';
import { sqlRegistry } from '../registry/sql/sql-registry.ts';
import { rolloutSchema, SqlRolloutStore } from '../serving/rollout/sql-rollout-store.ts';
import { registryOf } from './back-ends/registries.ts';

/** Connections of a store that is asked seldom. */
const FEW = { connections: 2 } as const;

type Where = Pick<Environment, 'directory' | 'registry'>;

/** Opens the registry of an environment. Errors: REGISTRY_*, CONFIG_SECRET. */
export async function openRegistry(where: Where): Promise<ModelRegistry> {
  const tables = { name: 'registry', formatTable: 'registry_format', schema: registrySchema, connections: 8 };
  return sqlRegistry(await registryOf(where).openTables(tables));
}

/** Opens the rollouts of an environment: all servers that share them answer the same cohorts. Errors: ROLLOUT_*, REGISTRY_*. */
export async function openRollouts(where: Where): Promise<RolloutStore> {
  const tables = { ...FEW, name: 'rollouts', formatTable: 'rollout_format', schema: rolloutSchema };
  return new SqlRolloutStore(await registryOf(where).openTables(tables));
}

/** Opens the journals of an environment's playbooks. Errors: PLAYBOOK_*, REGISTRY_*. */
export async function openPlaybooks(where: Where): Promise<PlaybookStore> {
  const tables = { ...FEW, name: 'playbooks', formatTable: 'playbook_format', schema: playbookSchema };
  return new SqlPlaybookStore(await registryOf(where).openTables(tables));
}

/** Opens the incidents of an environment, their deliveries and silences. Errors: ALERT_*, REGISTRY_*. */
export async function openAlertStore(where: Where): Promise<AlertStore> {
  const tables = { ...FEW, name: 'alerts', formatTable: 'alert_format', schema: alertSchema };
  return new SqlAlertStore(await registryOf(where).openTables(tables));
}

/** Opens the lease and the newest judgement of an environment's monitor. Errors: REGISTRY_*. */
export async function openMonitorStore(where: Where): Promise<MonitorStore> {
  const { monitors, openTables } = registryOf(where);
  if (monitors !== null) return monitors(STATE_FILE);
  const tables = { ...FEW, name: 'monitor', formatTable: 'monitor_format', schema: monitorSchema };
  return new SqlMonitorStore(await openTables(tables));
}

/** Opens the registry in a schema of a PostgreSQL database. Errors: REGISTRY_CLIENT, REGISTRY_AWAY, REGISTRY_FORMAT. */
export async function openPostgresRegistry(options: PostgresOptions): Promise<ModelRegistry> {
  return sqlRegistry(await PostgresDatabase.open(options, registrySchema));
}

/** Opens the registry in a SQLite file. Errors: REGISTRY_FILE, REGISTRY_FORMAT, REGISTRY_BUSY. */
export function openSqliteRegistry(path: string, options: { readonly busyTimeoutMs?: number } = {}): ModelRegistry {
  return sqlRegistry(new SqliteDatabase(path, registrySchema, options));
}

/** Where an environment keeps its registry. */
export function registryFile(directory: string): string {
  return join(directory, 'registry.sqlite');
}
