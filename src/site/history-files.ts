import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { scratchPath } from '../backends/embedded/offline/directory.ts';
import { clearScratch } from '../backends/embedded/offline/engine.ts';
import { openOfflineStore } from '../backends/embedded/offline/offline-store.ts';
import { fail } from '../base/errors/fail.ts';
import type { Environment } from '../environment/config.ts';

/** Prefix of scratch files of this process next to an environment's history; they go with the process, or after it. */
export function historyScratch({ directory }: Pick<Environment, 'directory'>): string {
  return join(scratchPath(join(directory, 'offline')), `${process.pid}-past-`);
}

/** Removes scratch files of dead processes from an environment's history. */
export function clearHistoryScratch({ directory }: Pick<Environment, 'directory'>): void {
  const history = join(directory, 'offline');
  if (existsSync(history)) clearScratch(scratchPath(history));
}

/**
 * Puts damaged files of an environment's history back from a backup; no other process may write it. Errors: OFFLINE_ABSENT, OFFLINE_LOCKED,
 * OFFLINE_CORRUPT for the first file that the backup does not have as it was published.
 */
export async function repairHistory(
  { directory }: Environment,
  backup: string,
): Promise<{ readonly damaged: number; readonly repaired: number }> {
  const path = join(directory, 'offline');
  if (!existsSync(path)) throw fail('OFFLINE_ABSENT', { path });
  const history = await openOfflineStore({ path, access: 'write', clock: Date.now });
  try {
    const { length: damaged } = await history.check();
    const repaired = await history.repair(join(backup, 'offline'));
    const [left] = history.damaged();
    if (left !== undefined) throw fail('OFFLINE_CORRUPT', { file: left.file, reason: left.reason });
    return { damaged, repaired };
  } finally {
    await history.close();
  }
}
