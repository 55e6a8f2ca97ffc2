// The thread that writes commits of an online store: what it is told is in commit-thread.ts.
import { parentPort, workerData } from 'node:worker_threads';
import { isHeadraceError } from '../../../base/errors/fail.ts';
import { tileLayout } from '../../../features/tile/tile-layout.ts';
import type { StoreAnswer, StoreOrder } from './commit-thread.ts';
import { dropSomeOf, dropTilesBefore } from './drop-tiles.ts';
import { Entries } from './entries.ts';
import { openDatabase } from './open-database.ts';
import { writeCommit } from './write-commit.ts';

const { file } = workerData as { readonly file: string };
const entries = new Entries(openDatabase(file, 'write'), file);

parentPort?.on('message', (order: StoreOrder | null) => {
  if (order === null) void entries.close().then(() => parentPort?.close());
  else parentPort?.postMessage(answer(order));
});

function answer(order: StoreOrder): StoreAnswer {
  try {
    if (order.kind === 'commit') return { report: writeCommit(entries, order.views.map(tileLayout), order.commit) };
    const applied = order.kind === 'dropView' ? dropSomeOf(entries, order.viewId) : 0;
    if (order.kind === 'drop') dropTilesBefore(entries, tileLayout(order.view), order.horizons);
    return { report: { applied, duplicate: 0, stale: 0, conflict: 0 } };
  } catch (error) {
    if (isHeadraceError(error)) return { code: error.code, facts: error.facts };
    return { code: 'STORE_WRITE', facts: { path: file, reason: String(error) } };
  }
}
