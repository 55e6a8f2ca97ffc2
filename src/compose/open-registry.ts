import { join } from 'node:path';
import { IN_MEMORY, SqliteDatabase } from '../backends/embedded/registry/sqlite-database.ts';
import type { ModelRegistry } from '../ports/model-registry.ts';
import { registrySchema } from '../registry/sql/schema.ts';
import { sqlRegistry } from '../registry/sql/sql-registry.ts';

/** Opens the registry in a SQLite file. Errors: REGISTRY_FILE, REGISTRY_FORMAT, REGISTRY_BUSY. */
export function openSqliteRegistry(path: string, options: { readonly busyTimeoutMs?: number } = {}): ModelRegistry {
  return sqlRegistry(new SqliteDatabase(path, registrySchema, options));
}

/** A registry that ends with the process. */
export function openMemoryRegistry(): ModelRegistry {
  return sqlRegistry(new SqliteDatabase(IN_MEMORY, registrySchema));
}

/** Where an environment keeps its registry. */
export function registryFile(directory: string): string {
  return join(directory, 'registry.sqlite');
}
