import { join } from 'node:path';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import { openOnlineStore } from '../../src/backends/embedded/online/online-store.ts';
import { SLICE_ROWS } from '../../src/featurestore/batch/run-rows.ts';
import { numberedKeys } from './numbered-rows.ts';

export const killedKey = numberedKeys['text'];
/** Of which a run has three quarters: two slices. */
export const killedRows = 1.4 * SLICE_ROWS;

/** Opens the stores below a path, with scratch files where those of dead processes are removed. */
export async function openKilled(path: string) {
  const offline = await openOfflineStore({ path: join(path, 'offline'), access: 'write', clock: Date.now });
  const online = openOnlineStore({ path: join(path, 'online') });
  const scratch = join(path, 'offline', 'scratch', `${process.pid}-past-`);
  return { offline, online, clock: Date.now, scratch };
}
