import { Worker } from 'node:worker_threads';
import type { FilterLayer } from './key-filter.ts';
import { type CheckedLeaves, END, HURRY } from './leaf-check.ts';

/**
 * The end of a scrub: all leaves are whole and their keys are in the layers, one is damaged, it could not continue, or
 * the store was closed before.
 */
export type ScrubAnswer =
  | { readonly kind: 'whole'; readonly layers: readonly FilterLayer[] }
  | { readonly kind: 'damaged'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'ended' };

/** The thread that checks the leaves of a store behind the reads. */
export class Scrub {
  /** Resolves when it ends, however it does. */
  readonly ended: Promise<ScrubAnswer>;
  readonly #state: Int32Array;
  readonly #worker: Worker;

  constructor(file: string, leaves: CheckedLeaves, keys: number) {
    this.#state = new Int32Array(leaves.state);
    const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
    this.#worker = new Worker(new URL(`./scrub-worker${ending}`, import.meta.url), {
      workerData: { file, leaves, keys },
      resourceLimits: { maxYoungGenerationSizeMb: 8 },
    });
    const worker = this.#worker;
    this.ended = new Promise((resolve) => {
      worker.once('message', resolve);
      // Leaves are still checked before their first use.
      worker.once('error', ({ message }) => resolve({ kind: 'failed', reason: message }));
      worker.once('exit', () => resolve({ kind: 'ended' }));
    });
    worker.unref();
  }

  async close(): Promise<void> {
    this.#worker.ref();
    this.#signal(END);
    this.#signal(HURRY);
    await this.ended;
    await this.#worker.terminate();
  }

  #signal(at: number): void {
    Atomics.store(this.#state, at, 1);
    Atomics.notify(this.#state, at);
  }
}
