import { openEmptyHistory } from '../backends/embedded/offline/empty-history.ts';
import { openObjectFiles } from '../backends/s3/object-files.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import { checkBatchSql } from '../featurestore/batch/read-batch.ts';
import type { RemoteWrites } from '../ports/remote-writes.ts';

/** Opens the object stores that addresses of files name. Error: REMOTE_CLIENT. */
export const openRemoteFiles = (): Promise<RemoteWrites> => openObjectFiles(process.env);

/** Opens what reads files of rows without an environment; close it. */
export const openFileReader = openEmptyHistory;

/** Checks the SQL of a project's batch views over empty tables. Errors: BATCH_SQL, BATCH_READ, BATCH_COLUMN, BATCH_TYPE. */
export async function checkBatchViews({ views }: ProjectData): Promise<void> {
  const history = await openEmptyHistory();
  try {
    for (const view of views) if (view.kind === 'batchView') await checkBatchSql(view, history);
  } finally {
    history.close();
  }
}
