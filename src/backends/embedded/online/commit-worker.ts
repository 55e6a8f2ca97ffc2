// The thread that writes commits of an online store; commit-thread.ts defines its orders.
import { parentPort, workerData } from 'node:worker_threads';
import { isHeadraceError } from '../../../base/errors/fail.ts';
import { tileLayout } from '../../../features/tile/tile-layout.ts';
import type { StoreAnswer, StoreDone, StoreOrder } from './commit-thread.ts';
import { ENTRIES_AT_ONCE } from './drop-tiles.ts';
import { Entries } from './entries.ts';
import { openDatabase } from './open-database.ts';
import type { CheckedPages } from './page-check.ts';
import { writeRows } from './row-writes.ts';
import { takeStep } from './store-steps.ts';
import { writeCommit } from './write-commit.ts';

const { file, pages } = workerData as { readonly file: string; readonly pages: CheckedPages | null };
const entries = new Entries(openDatabase(file, 'write'), file, pages);

parentPort?.on('message', (order: StoreOrder | null) => {
  if (order === null) void entries.close().then(() => parentPort?.close());
  else parentPort?.postMessage(answer(order));
});

const NOTHING: StoreDone = {
  report: { applied: 0, duplicate: 0, stale: 0, conflict: 0 },
  next: null,
};

function answer(order: StoreOrder): StoreAnswer {
  try {
    if (order.kind === 'commit')
      return { ...NOTHING, report: writeCommit(entries, order.views.map(tileLayout), order.commit) };
    if (order.kind === 'rows') {
      writeRows(entries, order);
      return NOTHING;
    }
    return { ...NOTHING, next: takeStep(entries, order, ENTRIES_AT_ONCE) };
  } catch (error) {
    if (isHeadraceError(error)) return { code: error.code, facts: error.facts };
    return { code: 'STORE_WRITE', facts: { path: file, reason: String(error) } };
  }
}
