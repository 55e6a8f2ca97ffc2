// The thread that checks the leaves of a large store once, in idle time, and notes the keys of its blocks.
import { parentPort, workerData } from 'node:worker_threads';
import { isHeadraceError } from '../../../base/errors/fail.ts';
import { KeyFilter } from './key-filter.ts';
import { type CheckedLeaves, DONE, END, HURRY, LeafCheck } from './leaf-check.ts';
import type { ScrubAnswer } from './scrub.ts';
import { BLOCK_PLACE_BYTES, isBlockKey } from './store-keys.ts';

const { file, leaves, keys } = workerData as {
  readonly file: string;
  readonly leaves: CheckedLeaves;
  readonly keys: number;
};
const state = new Int32Array(leaves.state);
const filter = new KeyFilter(keys);
const check = new LeafCheck(file, leaves);

try {
  parentPort?.postMessage(scrub());
} finally {
  check.close();
}

function scrub(): ScrubAnswer {
  try {
    let from: Uint8Array | null = Uint8Array.of(0);
    while (from !== null) {
      const started = performance.now();
      from = check.scrub(from, note);
      if (Atomics.load(state, END) === 1) return { kind: 'ended' };
      // It pauses for as long as it worked: the processor is for others.
      Atomics.wait(state, HURRY, 0, performance.now() - started);
    }
    Atomics.store(state, DONE, 1);
    return { kind: 'whole', layers: filter.layers };
  } catch (error) {
    const reason = isHeadraceError(error) ? String(error.facts['reason']) : String(error);
    return { kind: 'damaged', reason };
  }
}

function note(key: Uint8Array): void {
  if (isBlockKey(key)) filter.add(key, key.length - BLOCK_PLACE_BYTES);
}
