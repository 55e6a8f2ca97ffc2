import type { ModelRegistry } from '../../ports/model-registry.ts';
import type { SqlDatabase } from '../../ports/sql-database.ts';
import { aliasStore } from './alias-store.ts';
import { artifactIndexStore } from './artifact-index-store.ts';
import { experimentStore } from './experiments.ts';
import { loggedModelStore } from './logged-model-store.ts';
import { modelStore } from './model-store.ts';
import { purgeStore } from './purge-store.ts';
import { runStore } from './runs.ts';
import { versionStore } from './version-store.ts';
import { webhookStore } from './webhook-store.ts';

/** The registry in the tables of a database. Errors: those of the database. */
export function sqlRegistry(database: SqlDatabase): ModelRegistry {
  return {
    ...experimentStore(database),
    ...runStore(database),
    ...purgeStore(database),
    ...loggedModelStore(database),
    ...modelStore(database),
    ...versionStore(database),
    ...aliasStore(database),
    ...artifactIndexStore(database),
    ...webhookStore(database),
    close: () => database.close(),
  };
}
