import { join } from 'node:path';
import { IN_MEMORY, SqliteDatabase } from '../backends/embedded/registry/sqlite-database.ts';
import { SqliteRolloutStore } from '../backends/embedded/rollouts/sqlite-rollout-store.ts';
import { PostgresDatabase, type PostgresOptions } from '../backends/postgres/postgres-database.ts';
import type { Environment } from '../environment/config.ts';
import type { ModelRegistry } from '../ports/model-registry.ts';
import type { RolloutStore } from '../ports/rollout-store.ts';
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

/**
 * Opens the rollouts of an environment: next to its registry, so that all servers that share one answer the same cohorts.
 * Errors: ROLLOUT_*, those of the registry.
 */
export async function openRollouts({ directory, registry }: Where): Promise<RolloutStore> {
  if (registry.kind === 'embedded') return new SqliteRolloutStore(join(directory, 'rollouts.sqlite'));
  return openPostgresRollouts(postgresOptions(registry));
}

/** Opens rollouts in a schema of a PostgreSQL database. Errors: REGISTRY_CLIENT, REGISTRY_AWAY, REGISTRY_FORMAT. */
export async function openPostgresRollouts(options: PostgresOptions): Promise<RolloutStore> {
  const own = { ...options, formatTable: 'rollout_format', connections: 2 };
  return new SqlRolloutStore(await PostgresDatabase.open(own, rolloutSchema));
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

/** A registry that ends with the process. */
export function openMemoryRegistry(): ModelRegistry {
  return sqlRegistry(new SqliteDatabase(IN_MEMORY, registrySchema));
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
