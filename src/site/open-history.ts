import { join } from 'node:path';
import { openOfflineStore } from '../backends/embedded/offline/offline-store.ts';
import type { Environment } from '../environment/config.ts';
import type { OfflineStore } from '../ports/offline-store.ts';

/**
 * Opens the history of an environment: as its one writer, or the published one while another process writes it. `onPublished` receives
 * the bytes of every file. Its clock is the system's, also in a replay: readers of other processes live by it. Errors: OFFLINE_*.
 */
export function openHistory(
  { directory, offline }: Environment,
  access: 'write' | 'read',
  onPublished?: (table: string, bytes: number) => void,
): Promise<OfflineStore> {
  return openOfflineStore({
    path: join(directory, 'offline'),
    access,
    clock: Date.now,
    memoryLimitBytes: offline.memory,
    ...(onPublished === undefined ? {} : { onPublished }),
  });
}

/** Works with the published history as of now, and closes it in any case. Errors: OFFLINE_*, those of the work. */
export async function withHistory<T>(
  environment: Environment,
  work: (history: OfflineStore) => Promise<T>,
): Promise<T> {
  const history = await openHistory(environment, 'read');
  try {
    return await work(history);
  } finally {
    await history.close();
  }
}
