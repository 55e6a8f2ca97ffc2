import { join } from 'node:path';
import { FileArtifactStore } from '../backends/embedded/artifacts/file-artifact-store.ts';
import { IN_MEMORY, SqliteDatabase } from '../backends/embedded/registry/sqlite-database.ts';
import { PostgresDatabase, type PostgresOptions } from '../backends/postgres/postgres-database.ts';
import { S3ArtifactStore, type S3Options } from '../backends/s3/s3-artifact-store.ts';
import type { Environment } from '../environment/config.ts';
import type { ArtifactStore } from '../ports/artifact-store.ts';
import type { ModelRegistry } from '../ports/model-registry.ts';
import { registrySchema } from '../registry/sql/schema.ts';
import { sqlRegistry } from '../registry/sql/sql-registry.ts';
import { pemOf, secretOf } from './secrets.ts';

type Where = Pick<Environment, 'directory' | 'registry' | 'artifacts'>;

/** Opens the registry of an environment. Errors: REGISTRY_*, CONFIG_SECRET. */
export async function openRegistry({ directory, registry }: Where): Promise<ModelRegistry> {
  if (registry.kind === 'embedded') return openSqliteRegistry(registryFile(directory));
  return openPostgresRegistry({
    url: registry.url,
    password: registry.password === undefined ? null : secretOf(registry.password, 'registry.password'),
    schema: registry.schema,
    ca: registry.ca === undefined ? null : (pemOf({ ca: registry.ca }).ca ?? null),
  });
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

/** Opens the artefacts of an environment. Errors: ARTIFACT_CLIENT, CONFIG_SECRET. */
export async function openArtifacts({ directory, artifacts }: Where): Promise<ArtifactStore> {
  if (artifacts.kind === 'directory') return new FileArtifactStore(join(directory, 'artifacts'));
  const { endpoint, region, bucket, prefix = '' } = artifacts;
  return openS3Artifacts({
    endpoint,
    region,
    bucket,
    prefix,
    accessKeyId: secretOf(artifacts.accessKeyId, 'artifacts.accessKeyId'),
    secretAccessKey: secretOf(artifacts.secretAccessKey, 'artifacts.secretAccessKey'),
    spool: join(directory, 'artifacts', 'staging'),
  });
}

/** Opens artefacts in a bucket. Error: ARTIFACT_CLIENT. */
export function openS3Artifacts(options: S3Options): Promise<ArtifactStore> {
  return S3ArtifactStore.open(options);
}

/** Where an environment keeps its registry. */
export function registryFile(directory: string): string {
  return join(directory, 'registry.sqlite');
}
