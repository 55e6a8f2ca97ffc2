import type { EventSourceData, FeatureServiceData } from '../../features/define/declaration.ts';
import { batchTable } from '../../features/plan/batch-table.ts';
import { rawTable } from '../../features/plan/raw-table.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';

/**
 * The published state of the tables that features of a service are joined from, as text: deliveries of its sources, generations
 * of its batch views. The same text means the same files, so the same features; a forgetting changes it too.
 */
export function historyState({ lookups }: FeatureServiceData, offline: Pick<OfflineStore, 'tables'>): string {
  const names = new Set<string>();
  const addSource = (source: EventSourceData) => names.add(rawTable(source).name);
  for (const { view } of lookups) {
    if (view.kind === 'streamView') addSource(view.source);
    else {
      names.add(batchTable(view).name);
      Object.values(view.reads).forEach(addSource);
    }
  }
  const states = offline.tables().filter(({ table }) => names.has(table.name));
  return JSON.stringify(states.map(({ table, rows, files }) => [table.name, rows, files]));
}
