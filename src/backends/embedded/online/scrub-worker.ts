// The thread that checks the pages of a large store once: the branches first, since writes wait for them; then the leaves, and notes the
// keys of their records. It does not pause (decision 347).
import { parentPort, workerData } from 'node:worker_threads';
import { isHeadraceError } from '../../../base/errors/fail.ts';
import { checkFile } from './check-file.ts';
import { entityOf } from './former-keys.ts';
import { KeyFilter } from './key-filter.ts';
import { type CheckedPages, DONE, MAPPED, PageCheck } from './page-check.ts';
import type { ScrubAnswer } from './scrub.ts';

const { file, pages, keys } = workerData as {
  readonly file: string;
  readonly pages: CheckedPages;
  readonly keys: number;
};
const state = new Int32Array(pages.state);
const filter = new KeyFilter(keys);

try {
  // Nobody writes before it has ended.
  checkFile(file, { kind: 'branches' });
  Atomics.store(state, MAPPED, 1);
  tell({ kind: 'branches' });
  scrubLeaves();
  Atomics.store(state, DONE, 1);
  tell({ kind: 'whole', layers: filter.layers });
} catch (error) {
  const reason = isHeadraceError(error) ? String(error.facts['reason']) : String(error);
  tell({ kind: 'damaged', reason });
}

function scrubLeaves(): void {
  const check = new PageCheck(file, pages);
  try {
    let from: Uint8Array | null = Uint8Array.of(0);
    while (from !== null) from = check.scrub(from, note);
  } finally {
    check.close();
  }
}

function note(key: Uint8Array): void {
  const entity = entityOf(key);
  if (entity !== null) filter.add(entity);
}

function tell(answer: ScrubAnswer): void {
  parentPort?.postMessage(answer);
}
