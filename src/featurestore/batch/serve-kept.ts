import type { BatchViewData } from '../../features/define/declaration.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { OnlineStore } from '../../ports/online-store.ts';
import { BatchHistory } from './batch-history.ts';
import { writeSlices } from './write-slices.ts';

/** Has an online store serve the newest generation of a batch view that the history has, where it serves another or none. */
export async function serveKept(view: BatchViewData, online: OnlineStore, offline: OfflineStore): Promise<void> {
  const history = new BatchHistory(view, offline);
  const kept = await history.newest();
  if (kept === null) return;
  const viewId = `${view.name}@${view.version}`;
  const [served] = await online.readBatch([{ viewId, features: view.features, key: '' }]);
  if (served?.generation.generation === kept.generation && served.generation.asOf === kept.asOf) return;
  const generation = { viewId, ...kept };
  await writeSlices(view, generation, await history.rowsOf(kept), { online, offline });
  await online.switchBatch(generation);
}
