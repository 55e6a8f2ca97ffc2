import type { Environment } from '../../environment/config.ts';
import { serveKept } from '../../featurestore/batch/serve-kept.ts';
import { type CopiedTable, copyTables } from '../../operating/migrate/copy-tables.ts';
import type { MigrationOptions } from '../../operating/migrate/migration-options.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { copyModels } from '../../site/migration-parts.ts';
import { withSite } from '../../site/site.ts';

interface StateCopy {
  readonly options: MigrationOptions;
  /** The history of `from`. */
  readonly history: OfflineStore;
  readonly from: Environment;
  readonly to: Environment;
}

/** Copies tables, batch views and models, which do not follow from events. No other process may have `to` open. */
export async function copyState({ options, history, from, to }: StateCopy): Promise<readonly CopiedTable[]> {
  const { project, onFault } = options;
  const tables = await withSite({ project, environment: to, onFault }, async (site) => {
    site.makeDirectory();
    // The log too: no other process may have it.
    const { online, offline } = await site.open('log', 'online', 'offline');
    const copied = await copyTables(history, offline);
    for (const view of project.views) if (view.kind === 'batchView') await serveKept(view, online, offline);
    return copied;
  });
  await copyModels(from, to);
  return tables;
}
