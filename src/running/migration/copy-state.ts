import { closingWithin } from '../../base/closing.ts';
import { closeStores, openStores } from '../../compose/compose.ts';
import { copyModels } from '../../compose/migration-parts.ts';
import type { Environment } from '../../environment/config.ts';
import { serveKept } from '../../featurestore/batch/serve-kept.ts';
import { StoreFaults } from '../../observe/store-faults.ts';
import { type CopiedTable, copyTables } from '../../operating/migrate/copy-tables.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { MigrationOptions } from './migration-options.ts';

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
  const stores = await openStores(project, to, onFault, () => undefined, new StoreFaults(Date.now));
  const closing = closingWithin(Number.POSITIVE_INFINITY);
  let tables: readonly CopiedTable[];
  try {
    tables = await copyTables(history, stores.offline);
    for (const view of project.views)
      if (view.kind === 'batchView') await serveKept(view, stores.online, stores.offline);
  } finally {
    await closeStores(stores, closing);
  }
  if (closing.failure !== null) throw closing.failure;
  await copyModels(from, to);
  return tables;
}
