// The thread that checks the pages of a large store once: the branches at once, since writes wait for it; the leaves in idle
// time, and notes the keys of their records.
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
/** Nobody wakes it. */
const PAUSE = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

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
    while (from !== null) {
      const started = performance.now();
      from = check.scrub(from, note);
      // It pauses for as long as it worked: the processor is for others.
      pause(performance.now() - started);
    }
  } finally {
    check.close();
  }
}

function pause(ms: number): void {
  Atomics.wait(PAUSE, 0, 0, ms);
}

function note(key: Uint8Array): void {
  const entity = entityOf(key);
  if (entity !== null) filter.add(entity);
}

function tell(answer: ScrubAnswer): void {
  parentPort?.postMessage(answer);
}
