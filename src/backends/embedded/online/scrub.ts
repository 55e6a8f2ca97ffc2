import { Worker } from 'node:worker_threads';
import type { FilterLayer } from './key-filter.ts';
import type { CheckedPages } from './page-check.ts';

/** The thread stopped: it found damage, could not continue, or the store was closed. */
export type ScrubStopped =
  | { readonly kind: 'damaged'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'ended' };

/** The branches and the list of free pages are whole: LMDB may write. */
export interface BranchesWhole {
  readonly kind: 'branches';
}

/** All pages are whole, and the keys of their blocks are in the layers. */
export interface AllWhole {
  readonly kind: 'whole';
  readonly layers: readonly FilterLayer[];
}

/** The thread that checks the pages of a store next to the reads: first the branches, then the leaves. */
export class Scrub {
  /** Resolves when the branches are checked, or when it ends before. */
  readonly branches: Promise<BranchesWhole | ScrubStopped>;
  /** Resolves when it ends, however it does. */
  readonly ended: Promise<AllWhole | ScrubStopped>;
  readonly #worker: Worker;

  constructor(file: string, pages: CheckedPages, keys: number) {
    const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
    const worker = new Worker(new URL(`./scrub-worker${ending}`, import.meta.url), {
      workerData: { file, pages, keys },
      resourceLimits: { maxYoungGenerationSizeMb: 8 },
    });
    this.#worker = worker;
    const stopped = new Promise<ScrubStopped>((resolve) => {
      worker.on('message', (answer: ScrubAnswer) => {
        if (answer.kind === 'damaged') resolve(answer);
      });
      // Pages are still checked before their first use.
      worker.once('error', ({ message }) => resolve({ kind: 'failed', reason: message }));
      worker.once('exit', () => resolve({ kind: 'ended' }));
    });
    this.branches = Promise.race([answerOf(worker, 'branches'), stopped]);
    this.ended = Promise.race([answerOf(worker, 'whole'), stopped]);
    // Writes may wait for the branches: the process does not end before.
    void this.branches.then(() => worker.unref());
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** A message of the thread. */
export type ScrubAnswer = BranchesWhole | AllWhole | ScrubStopped;

function answerOf<K extends ScrubAnswer['kind']>(worker: Worker, kind: K): Promise<Extract<ScrubAnswer, { kind: K }>> {
  return new Promise((resolve) => {
    worker.on('message', (answer: ScrubAnswer) => {
      if (isOf(answer, kind)) resolve(answer);
    });
  });
}

function isOf<K extends ScrubAnswer['kind']>(
  answer: ScrubAnswer,
  kind: K,
): answer is Extract<ScrubAnswer, { kind: K }> {
  return answer.kind === kind;
}
