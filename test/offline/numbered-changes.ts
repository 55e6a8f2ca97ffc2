import type { OfflineStore, OfflineTable } from '../../src/ports/offline-store.ts';

/** Tables that every change of the publisher appends to: change n has one row of the first and two of the second. */
export const counted: OfflineTable = { name: 'counted@1', columns: { n: 'BIGINT', text: 'STRING' } };
export const squares: OfflineTable = { name: 'squares@1/deep', columns: { square: 'BIGINT' } };

/** Small, so that merges and removals happen all the time. */
export const KILL_SETTINGS = { compactAtFiles: 4, keepRetiredMs: 0 };

/** The number of the change that comes next: the first is 1. */
export async function nextNumber(store: OfflineStore): Promise<number> {
  const position = await store.position('publisher');
  return (position?.['topic']?.[0] ?? 0) + 1;
}
