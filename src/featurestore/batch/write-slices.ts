import type { BatchViewData } from '../../features/define/declaration.ts';
import type { BatchGeneration, OnlineStore } from '../../ports/online-store.ts';
import { type History, type RunRows, slicesOf } from './run-rows.ts';

/** Writes rows as a generation that nobody sees yet. A slice is read once the store has taken the previous one. Errors: STORE_*, OFFLINE_*. */
export async function writeSlices(
  view: BatchViewData,
  generation: BatchGeneration,
  rows: RunRows,
  { online, offline }: { readonly online: OnlineStore; readonly offline: History },
): Promise<void> {
  if (rows.rows === 0) return;
  for await (const slice of slicesOf(view, offline, rows)) await online.writeBatch(generation, view.features, slice);
}
